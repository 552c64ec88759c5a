"""``inst directions prepare``: takes hours at 1024 pixels, so it is shared by processes, saved, and resumed."""

from __future__ import annotations

from inst.commands.common.progress import say
from inst.commands.common.unfinished import place_of_result
from inst.commands.faces.open import open_session
from inst.commands.faces.options import DirectionsOptions
from inst.options import values_of
from inst.pipelines.faces.directions import prepare_directions_steps
from inst.pipelines.faces.training_settings import DirectionsSettings
from inst.training.progress import with_bar
from inst.training.signals import stop_on_signals
from inst.training.workers import Workers


def prepare_directions(options: DirectionsOptions) -> int:
    """``inst directions prepare``. Returns the exit code, that of the signal where one stopped it."""
    place = place_of_result(options, "directions prepare", [options.generator])
    session = open_session(options)
    workers = Workers.join(session.placement)
    with workers.locked(place.lock), stop_on_signals() as stop:
        if options.resume and workers.is_main:
            place.say_if_nothing_to_resume()
        steps = prepare_directions_steps(
            session,
            checkpoint=place.state,
            resume=options.resume,
            workers=workers,
            should_stop=lambda: stop.asked,
            **values_of(options, DirectionsSettings),
        )
        last = None
        for last in with_bar(steps, "measuring channels", show=workers.is_main, unit="channel"):  # noqa: B007
            pass
        assert last is not None
        if last.stopped:
            if workers.is_main:
                say(f"stopped; what was measured is in {place.state} (--resume continues)")
            return stop.exit_code
        if last.directions is None:  # the main process has it, and writes it
            return stop.exit_code
        last.directions.save(place.output)
        place.finish()
        channels = len(last.directions.relevance)
        say(f"{place.output}: {channels} channels; inst edit --directions {place.output} --text …")
    return 0

"""One painting learned into one style file: bar, previews, checkpoint, and a message at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inst.commands.common.progress import say
from inst.commands.common.unfinished import Unfinished
from inst.commands.diffusion.preview import Preview
from inst.errors import TokenError
from inst.files import locked
from inst.image import Picture
from inst.inversion.settings import InversionSettings
from inst.inversion.token import StyleToken, save_token
from inst.pipelines.learning import LearningStep, learn_style_steps
from inst.pipelines.session import Session
from inst.training.progress import with_bar
from inst.training.signals import StopRequest


@dataclass(frozen=True)
class Learned:
    """A style file that was written.

    Attributes:
        token: the style in it.
        last: the last training step.
        seconds: the whole took.
    """

    path: Path
    token: StyleToken
    last: LearningStep
    seconds: float

    @property
    def stopped(self) -> bool:
        """Whether training was stopped; the file has the style as far as it was learned."""
        return self.last.stopped


def learn_to_file(
    session: Session,
    picture: Picture,
    settings: InversionSettings,
    output: Path,
    *,
    stop: StopRequest,
    resume: bool = False,
    preview: bool = False,
    quiet: bool = False,
    log: Callable[[Mapping[str, float], int], None] = lambda losses, step: None,
) -> Learned:
    """Learn a painting and write its style.

    Args:
        stop: ends training after the step during which it is asked for.
        resume: continue a stopped run, where there is one.
        preview: write a preview picture now and then.
        quiet: no bar and no messages.
        log: takes the named losses of each step, for a tracker.

    Raises:
        InputError: another run writes the same style, or the checkpoint belongs to other settings.
        TokenError: the loss became NaN; what was learned before is kept aside, where no command takes it for a style.
    """
    started = time.monotonic()
    place = Unfinished(output)
    previews = Preview(output.with_suffix(".preview.png")) if preview else None
    last: LearningStep | None = None
    with locked(place.lock):
        if resume and not quiet:
            place.say_if_nothing_to_resume()
        steps = learn_style_steps(
            picture,
            session,
            name=output.stem,
            checkpoint=place.state,
            resume=resume,
            should_stop=lambda: stop.asked,
            **vars(settings),
        )
        with contextlib.closing(with_bar(steps, f"learning {output.stem}", show=not quiet)) as steps:
            try:
                for last in steps:
                    _report(last, quiet, log, previews)
            except TokenError as error:
                if last is None or not last.step:  # nothing was learned
                    raise
                save_token(place.partial, last.style())
                raise TokenError(f"{error}; what was learned before is in {place.partial}") from error
        assert last is not None
        token = last.style()
        save_token(output, token)
        if last.finished:
            place.finish()
    return Learned(output, token, last, time.monotonic() - started)


def _report(
    step: LearningStep, quiet: bool, log: Callable[[Mapping[str, float], int], None], previews: Preview | None
) -> None:
    if step.loss is not None:
        log({"loss": step.loss} | ({} if step.validation is None else {"validation": step.validation}), step.step)
    elif step.step and not quiet:
        say(f"resumed at step {step.step}")
    if previews is not None:
        previews.offer(step)

"""What ``inst mapper train`` and ``inst ffclip train`` share: output file, processes, messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from inst.commands.common.progress import say
from inst.commands.common.unfinished import Unfinished
from inst.commands.faces.options import TrainingOptions
from inst.pipelines.faces.embedded import find_file
from inst.pipelines.faces.session import FaceSession
from inst.pipelines.faces.training import EditorTrainingStep
from inst.training.progress import with_bar
from inst.training.signals import stop_on_signals
from inst.training.workers import Workers

Train = Callable[..., Iterator[EditorTrainingStep]]


def train_to_file(options: TrainingOptions, session: FaceSession, place: Unfinished, train: Train) -> int:
    """Train, and write the best weights; those so far, and a checkpoint, where a signal stopped it.

    Args:
        train: `train_mapper_steps` or `train_ffclip_steps` with everything filled in that both do not share.

    Returns:
        The exit code: that of the signal where one stopped it.

    Raises:
        InputError: another run writes the same file, or the checkpoint belongs to other settings.
    """
    workers = Workers.join(session.placement)
    with stop_on_signals() as stop:
        steps = train(
            latents=find_file(options.latents, "latents"),
            validation_latents=find_file(options.validation_latents, "validation-latents"),
            checkpoint=place.state,
            resume=options.resume,
            workers=workers,
            should_stop=partial(workers.stop_asked, stop),
        )
        with workers.locked(place.lock):
            if options.resume and workers.is_main:
                place.say_if_nothing_to_resume()
            last = None
            for last in with_bar(steps, "training", show=workers.is_main):
                if workers.is_main:
                    _report(last)
            assert last is not None
            if workers.is_main:
                last.editor().save(place.output)
                say(_summary(last, place))
                if last.finished:
                    place.finish()
        return stop.exit_code if last.stopped else 0


def check_files(options: TrainingOptions) -> None:
    """Find the files of latent codes before networks are loaded.

    Raises:
        InputError: one does not exist.
    """
    find_file(options.latents, "latents")
    find_file(options.validation_latents, "validation-latents")


def _report(step: EditorTrainingStep) -> None:
    if step.loss is None and step.step:
        say(f"resumed at step {step.step}")
    if step.validation is not None:
        say(f"step {step.step}: validation loss {step.validation:.4f}{' (lowest)' if step.improved else ''}")


def _summary(last: EditorTrainingStep, place: Unfinished) -> str:
    if last.stopped:
        return f"stopped after {last.step} steps; what was learned is in {place.output} (--resume continues)"
    first = last.history[0][1]
    return (
        f"{place.output}: the weights of step {last.best_step} of {last.step}, validation loss {first:.4f} -> "
        f"{last.best_loss:.4f}"
    )

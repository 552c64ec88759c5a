"""Learning paintings: bar, previews, saved states, trackers, and a file at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from inst.commands.common.outputs import safe_name
from inst.commands.common.progress import bar, say, warn
from inst.commands.diffusion.preview import Preview
from inst.errors import InputError, TokenError
from inst.files import locked
from inst.image import Picture
from inst.inversion.prepare import finished_token, is_flat, model_defaults, prepare, settings_hash
from inst.inversion.settings import InversionSettings, resolve
from inst.inversion.token import StyleToken, load_token, save_token
from inst.inversion.train import Training
from inst.pipelines.session import Session
from inst.training.shared import Stop, load_state, save_state


@dataclass(frozen=True)
class Learned:
    """A painting learned.

    Attributes:
        validation: the loss on fixed draws, before and after.
        stopped: whether a signal ended it early; the file holds what was learned until then.
    """

    path: Path
    token: StyleToken
    steps: int
    validation: tuple[float, float]
    seconds: float
    stopped: bool


@dataclass(frozen=True)
class LearnOptions:
    """How a run behaves, beside what it learns.

    Attributes:
        resume: continue the saved state, where there is one.
        preview: save a preview picture every so often.
        quiet: no bar and no lines.
        log: takes a step's named losses, for a tracker.
    """

    resume: bool = False
    preview: bool = False
    quiet: bool = False
    log: Callable[[dict[str, float], int], None] | None = None


def state_path(output: Path) -> Path:
    """Where the state of an unfinished run lies: out of sight of the styles themselves."""
    return output.parent / ".unfinished" / f"{output.stem}.state"


def learn(
    session: Session,
    picture: Picture,
    settings: InversionSettings,
    output: Path,
    *,
    accelerator: Accelerator,
    stop: Stop,
    options: LearnOptions = LearnOptions(),
) -> Learned:
    """Learn one painting and write its style token.

    Raises:
        InputError: another run writes the same style, or the state belongs to other settings.
        TokenError: the loss became NaN before anything was learned.
    """
    with locked(output.parent / ".unfinished" / f"{output.stem}.lock"):
        return _learn(session, picture, settings, output, accelerator, stop, options)


def _learn(
    session: Session,
    picture: Picture,
    settings: InversionSettings,
    output: Path,
    accelerator: Accelerator,
    stop: Stop,
    options: LearnOptions,
) -> Learned:
    started = time.monotonic()
    resolved = resolve(settings, model_defaults(session.model))
    if is_flat(picture.image):
        warn(f"{picture.path.name} is almost of one colour: it will be learned, and holds no texture to learn")
    training = prepare(session.model, session.clip, picture, resolved, accelerator, session.pretrained)
    identity = settings_hash(resolved, session.model, picture)
    state = state_path(output)
    if options.resume:
        _restore(training, state, identity, quiet=options.quiet)
    preview = Preview(session, output.with_suffix(".preview.png")) if options.preview else None
    failure = _run(training, output.stem, state, identity, stop, options, preview)
    token = finished_token(training, picture, output.stem, session.clip_name)
    save_token(output, token)
    if failure is not None:
        raise TokenError(f"{failure}; what was learned before is in {output}")
    if stop.asked:
        _save(training, state, identity)
    else:
        state.unlink(missing_ok=True)
    before = training.first_validation if training.first_validation is not None else training.best.best
    seconds = time.monotonic() - started
    return Learned(output, token, training.step, (before, training.best.best), seconds, stop.asked)


def _run(
    training: Training,
    name: str,
    state: Path,
    identity: str,
    stop: Stop,
    options: LearnOptions,
    preview: Preview | None,
) -> TokenError | None:
    """Take the steps; a loss that is not a number comes back as the error it is."""
    settings = training.settings
    assert settings.max_train_steps is not None
    with bar(settings.max_train_steps, f"learning {name}", quiet=options.quiet) as progress:
        progress.update(training.step)
        try:
            for step in training.steps():
                progress.update()
                progress.set_postfix(loss=f"{step.loss:.4f}", best=f"{training.best.best:.4f}", refresh=False)
                if options.log is not None:
                    losses = {"loss": step.loss} | ({"validation": step.validation} if step.validation else {})
                    options.log(losses, step.step)
                if step.step % settings.checkpointing_steps == 0 and not step.finished:
                    _save(training, state, identity)
                if preview is not None:
                    preview.offer(training)
                if stop.asked:
                    return None
        except TokenError as error:
            return error
    return None


def _save(training: Training, state: Path, identity: str) -> None:
    tensors, metadata = training.state()
    try:
        save_state(state, tensors, metadata | {"identity": identity})
    except InputError as error:
        warn(f"the training state was not saved ({error}); the run goes on")


def _restore(training: Training, state: Path, identity: str, *, quiet: bool) -> None:
    if not state.is_file():
        if not quiet:
            say(f"nothing to resume at {state}: starting anew")
        return
    tensors, metadata = load_state(state)
    if metadata.get("identity") != identity:
        raise InputError(
            f"{state} was saved with another painting, model or settings: give the ones it was started with, or leave "
            "out --resume to start anew"
        )
    training.restore(tensors, metadata)
    if not quiet:
        say(f"resumed at step {training.step}")


def kept_style(session: Session, picture: Picture, settings: InversionSettings, folder: Path) -> StyleToken | None:
    """The style learned before from the very same picture, on this model and with these settings."""
    path = kept_path(session, picture, settings, folder)
    return load_token(path) if path.is_file() else None


def kept_path(session: Session, picture: Picture, settings: InversionSettings, folder: Path) -> Path:
    """Where a painting's style is kept: named after the painting and what it was learned from and with."""
    resolved = resolve(settings, model_defaults(session.model))
    identity = settings_hash(resolved, session.model, picture)
    return folder / f"{safe_name(picture.path.stem)}-{identity[:10]}.safetensors"

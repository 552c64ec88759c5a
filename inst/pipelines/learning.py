"""Learning the style of one painting (InST, Zhang et al. 2023, section 3.2): the public functions."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import PIL.Image

from inst.errors import InstWarning
from inst.image import Picture, PictureInput, as_picture
from inst.image.demo import demo_photo
from inst.inversion.prepare import is_flat, learning_identity, model_defaults, prepare, style_token
from inst.inversion.settings import InversionSettings, resolve
from inst.inversion.token import StyleToken
from inst.inversion.train import InversionTraining
from inst.names import safe_name
from inst.options import settings_of
from inst.pipelines.session import Session, session_or_default
from inst.pipelines.style_transfer import Stylizer
from inst.training.checkpoint import Checkpoint
from inst.training.loop import TrainingProgress, run_training
from inst.training.progress import with_bar

PREVIEW_STEPS = 10
"""Denoising steps of a preview; a finished picture has more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningStep(TrainingProgress):
    """One training step of learning a painting; the first item comes before any step.

    Beside the step's numbers it has the style in its current state.

    >>> import inst
    >>> from skimage import data
    >>> *_, last = inst.learn_style_steps(data.coffee(), max_train_steps=1, resolution=64, batch_size=1)
    >>> last.step, last.finished, last.style().name
    (1, True, 'image')
    """

    _session: Session = field(repr=False)
    _training: InversionTraining = field(repr=False)
    _picture: Picture = field(repr=False)
    _name: str = field(repr=False)

    def style(self) -> StyleToken:
        """The style with the lowest validation loss so far."""
        return style_token(self._training, self, self._picture, self._name, self._session.clip_name)

    def preview(self) -> PIL.Image.Image:
        """The packaged photo in the style with the lowest validation loss so far, in about ten denoising steps."""
        defaults = self._session.defaults
        num_steps = max(1, round(PREVIEW_STEPS / max(defaults.strength, 0.1)))
        stylizer = Stylizer(self.style(), self._session, num_steps=num_steps, sampler="ddim", tone=0.0)
        return stylizer(demo_photo(defaults.resolution))


def learn_style(
    painting: PictureInput,
    model: Session | None = None,
    *,
    name: str | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    **settings: Any,
) -> StyleToken:
    """Learn the style of a painting: token vectors that stand for ``[C]`` in a prompt.

    Args:
        painting: a path, a PIL image, a (1, 3, h, w) tensor in [-1, 1], or a ``uint8`` array (h, w, 3).
        model: the model that learns it, and that can use it afterwards; the embedded miniature unless given.
        name: of the style; the painting's file name unless given.
        progress: show a progress bar.
        checkpoint: a file for the state of the unfinished training. It is removed when the training is complete.
        resume: continue from the checkpoint, where there is one.
        settings: fields of :class:`inst.InversionSettings`, such as ``max_train_steps`` or ``seed``.

    Returns:
        The style with the lowest validation loss, which may be that of the initial vectors.

    Raises:
        InputError: the painting cannot be read, or the checkpoint belongs to other settings.
        ConfigError: an unknown setting, or a value out of its range.
        ModelError: the model cannot be read, or does not fit into memory.
        TokenError: the loss became NaN. With :func:`learn_style_steps`, the last step still has the best style.

    >>> import inst
    >>> from skimage import data
    >>> style = inst.learn_style(data.coffee(), name="coffee", max_train_steps=2, resolution=64, batch_size=1)
    >>> style.name, style.metadata["step"]
    ('coffee', 2)
    """
    steps = learn_style_steps(painting, model, name=name, checkpoint=checkpoint, resume=resume, **settings)
    step = None
    for step in with_bar(steps, "learning", show=progress):  # noqa: B007  (the last one is used)
        pass
    assert step is not None
    style = step.style()
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    return style


def learn_style_steps(
    painting: PictureInput,
    model: Session | None = None,
    *,
    name: str | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[LearningStep]:
    """Learn the style of a painting, one training step at a time; see :func:`learn_style`.

    The first item comes before any step: the untrained style, or the state that a resumed training continues from. A
    caller that stops iterating leaves the checkpoint behind, to resume from.

    Args:
        painting, model, name, resume, settings: as for :func:`learn_style`.
        checkpoint: as for :func:`learn_style`, but it stays when the training is complete.
        should_stop: called after every step; a true answer saves the checkpoint and makes that step the last one, with
            ``stopped`` set.

    Raises:
        InputError, ConfigError, ModelError, TokenError: as for :func:`learn_style`.

    >>> import inst
    >>> from skimage import data
    >>> for step in inst.learn_style_steps(data.coffee(), max_train_steps=2, resolution=64, batch_size=1):
    ...     print(step.step, step.total, step.finished)
    0 2 False
    1 2 False
    2 2 True
    >>> style = step.style()
    """
    picture = as_picture(painting)
    given = settings_of(InversionSettings, settings)
    if is_flat(picture.image):
        warnings.warn(
            f"{picture.path.name} is almost of one colour: there is little texture to learn from it",
            InstWarning,
            stacklevel=2,
        )
    path = None if checkpoint is None else Path(checkpoint)
    return _learn(
        session_or_default(model), picture, given, name or safe_name(picture.path.stem), path, resume, should_stop
    )


def _learn(
    session: Session,
    picture: Picture,
    given: InversionSettings,
    name: str,
    path: Path | None,
    resume: bool,
    should_stop: Callable[[], bool],
) -> Iterator[LearningStep]:
    settings = resolve(given, model_defaults(session.model))
    assert settings.max_train_steps is not None
    training = prepare(session.model, session.clip, picture, settings, session.pretrained)
    checkpoint = None
    if path is not None:
        identity = learning_identity(settings, session.model, picture)
        checkpoint = Checkpoint(path, identity, "painting, model or settings")
    steps = run_training(
        training.task(),
        total=settings.max_train_steps,
        checkpoint=checkpoint,
        resume=resume,
        checkpointing_steps=settings.checkpointing_steps,
        should_stop=should_stop,
    )
    with contextlib.closing(steps):
        for step in steps:
            yield LearningStep(**vars(step), _session=session, _training=training, _picture=picture, _name=name)

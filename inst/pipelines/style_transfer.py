"""Photos in a style (InST, Zhang et al. 2023, section 3.3): the public functions, and the class behind them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar, overload

import PIL.Image
import torch

from inst.errors import InstWarning
from inst.image import Picture, PictureInput, as_pictures
from inst.options import settings_of
from inst.pipelines.conditioning import condition, default_prompt
from inst.pipelines.sampling import SamplingStep, last_images, picture_steps
from inst.pipelines.session import Session, session_or_default
from inst.pipelines.styles import StyleInput, weighted_styles
from inst.transfer.photo import PhotoSettings
from inst.transfer.photo import stylize as stylize_batch
from inst.transfer.settings import StylizeSettings

Item = TypeVar("Item")


class Stylizer:
    """A style made ready once, to be given to any number of photos.

    Args:
        style: one style, several, or none, as for :func:`stylize`.
        model: the model; the embedded miniature unless given.
        settings: fields of :class:`inst.StylizeSettings`.

    Attributes:
        session: the model.
        styles: the styles with weights and placeholders.
        prompt: the prompt in use.
        settings: every setting with its default filled in.
        batch_size: photos of one size computed at once.

    Raises:
        ConfigError, InputError, TokenError: as for :func:`stylize`.

    >>> import inst
    >>> from skimage import data
    >>> painter = inst.Stylizer("night", strength=0.3, num_steps=4, resolution=64)
    >>> painter(data.chelsea()).size
    (451, 300)
    """

    def __init__(self, style: StyleInput = None, model: Session | None = None, **settings: Any) -> None:
        given = settings_of(StylizeSettings, settings)
        self.session = session_or_default(model)
        self.styles = weighted_styles(style, self.session)
        self.settings = resolve_settings(self.session, given)
        self.batch_size = given.batch_size
        self.prompt = given.prompt if given.prompt is not None else default_prompt(self.session, self.styles)
        self.negative_prompt = given.negative_prompt
        self._style = condition(
            self.session,
            self.styles,
            prompt=self.prompt,
            negative_prompt=given.negative_prompt,
            tone=self.settings.tone,
            transport=self.settings.transport,
            transport_required=given.transport is not None,
        )

    def __call__(self, photo: PictureInput, *, position: int = 0) -> PIL.Image.Image:
        """The photo in the style.

        Args:
            position: its place in a series; the starting noise has seed ``settings.seed + position``.
        """
        return last_images(self.steps([photo], position=position), progress=False, what="")[0]

    @property
    def steps_per_photo(self) -> int:
        """Steps that :meth:`steps` yields for a group of photos: its denoising steps and the decoding."""
        return self.settings.total_steps + 1

    def steps(self, photos: Sequence[PictureInput], *, position: int = 0) -> Iterator[SamplingStep]:
        """Stylize photos of one size together; the last step has the pictures.

        Args:
            photos: at most as many as fit into memory at once.
            position: the place of the first in a series; the j-th photo's noise has seed ``settings.seed + position +
                j``, so that a picture does not depend on the batch it was made in.
        """
        pictures, _ = as_pictures(list(photos))
        _show_notes(pictures)
        contents = torch.cat([picture.image for picture in pictures])
        settings = replace(self.settings, seed=self.settings.seed + position)
        yield from picture_steps(self.session.model, stylize_batch(self.session.model, contents, self._style, settings))


def resolve_settings(session: Session, given: StylizeSettings) -> PhotoSettings:
    """The settings with the model's defaults where nothing was given."""
    defaults = session.defaults
    return PhotoSettings(
        strength=defaults.strength if given.strength is None else given.strength,
        num_steps=given.num_steps or defaults.num_steps,
        guidance_scale=defaults.guidance_scale if given.guidance_scale is None else given.guidance_scale,
        seed=given.seed,
        sampler=given.sampler,
        tone=defaults.tone if given.tone is None else given.tone,
        transport=defaults.transport if given.transport is None else given.transport,
        keep_colors=given.keep_colors,
        inversion=given.inversion,
        resolution=given.resolution or defaults.resolution,
    )


def stylize_steps(
    photo: PictureInput | Sequence[PictureInput],
    style: StyleInput = None,
    *,
    model: Session | None = None,
    **settings: Any,
) -> Iterator[SamplingStep]:
    """:func:`stylize`, one denoising step at a time, for progress, previews and stopping early.

    Yields:
        Steps; those that finish pictures have them in ``images``, in the order of the photos.

    >>> import inst
    >>> from skimage import data
    >>> steps = list(inst.stylize_steps(data.chelsea(), "night", strength=0.5, num_steps=4, resolution=64))
    >>> len(steps), steps[0].preview().size, steps[-1].images[0].size
    (3, (451, 300), (451, 300))
    """
    pictures, _ = as_pictures(photo)
    stylizer = Stylizer(style, model, **settings)
    batches = list(same_sized(pictures, stylizer.batch_size))
    total, position = stylizer.steps_per_photo * len(batches), 0
    for number, batch in enumerate(batches):
        done = stylizer.steps_per_photo * number
        for step in stylizer.steps(batch, position=position):
            yield replace(step, step=done + step.step, total=total)
        position += len(batch)


@overload
def stylize(
    photo: list[Any] | tuple[Any, ...],
    style: StyleInput = None,
    *,
    model: Session | None = None,
    progress: bool = False,
    **settings: Any,
) -> list[PIL.Image.Image]: ...
@overload
def stylize(
    photo: PictureInput,
    style: StyleInput = None,
    *,
    model: Session | None = None,
    progress: bool = False,
    **settings: Any,
) -> PIL.Image.Image: ...
def stylize(
    photo: Any, style: StyleInput = None, *, model: Session | None = None, progress: bool = False, **settings: Any
) -> PIL.Image.Image | list[PIL.Image.Image]:
    """Give a photo the style of a painting (InST, Zhang et al. 2023).

    The photo is noised to ``strength``, the noise is predicted once under the style (stochastic inversion), and the
    photo is denoised from there with the style's token in the prompt.

    Args:
        photo: a path, a PIL image, a (1, 3, h, w) tensor in [-1, 1] or a ``uint8`` array; or a list of these.
        style: a :class:`StyleToken`, the name of a shipped style or a style file; ``(style, weight)``; a list of these,
            mixed by weight; ``{"sea": style, "sky": style}`` for a prompt that names them. ``None`` uses the model's
            plain prompt, without any style.
        model: the model; the embedded miniature unless given.
        progress: show a progress bar.
        settings: fields of :class:`inst.StylizeSettings`: ``strength`` (0–1), ``num_steps``, ``guidance_scale``,
            ``seed``, ``sampler`` (``ddim``, ``dpm++``, ``unipc``), ``tone``, ``transport``, ``keep_colors``,
            ``inversion``, ``resolution``, ``prompt``, ``negative_prompt``, ``batch_size``.

    Returns:
        The picture, of the photo's size; for a list of photos a list, the i-th with seed ``seed + i``.

    Raises:
        InputError: a photo or style that cannot be read.
        ConfigError: an unknown setting, or one out of range.
        TokenError: a style that does not fit the model, or a prompt without its placeholder.

    >>> import inst
    >>> from skimage import data
    >>> inst.stylize(data.chelsea(), "night", strength=0.5, num_steps=4, resolution=64).size
    (451, 300)
    """
    images = last_images(stylize_steps(photo, style, model=model, **settings), progress=progress, what="stylizing")
    return images if isinstance(photo, list | tuple) else images[0]


def same_sized(pictures: Iterable[Picture], batch_size: int) -> Iterator[list[Picture]]:
    """Neighbouring pictures of one size, at most ``batch_size`` together."""
    for _, group in groupby(pictures, key=lambda picture: picture.image.shape):
        members = list(group)
        for start in range(0, len(members), batch_size):
            yield members[start : start + batch_size]


def _show_notes(pictures: Iterable[Picture]) -> None:
    for picture in pictures:
        for note in picture.notes:
            warnings.warn(f"{picture.path.name}: {note}", InstWarning, stacklevel=4)

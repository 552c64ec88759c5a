"""Pictures from a prompt with styles in it: the public functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import PIL.Image

from inst.errors import ConfigError, TokenError
from inst.options import settings_of
from inst.pipelines.conditioning import condition
from inst.pipelines.sampling import SamplingStep, last_images, picture_steps
from inst.pipelines.session import Session, session_or_default
from inst.pipelines.styles import StyleInput, weighted_styles
from inst.placeholders import placeholders
from inst.transfer.mixing import Weighted
from inst.transfer.settings import GenerateSettings
from inst.transfer.text_to_image import TextSettings
from inst.transfer.text_to_image import generate as generate_batch


class TextToImage:
    """A prompt and its styles made ready once, to make any number of pictures.

    Args:
        prompt, style, model: as for :func:`generate`.
        settings: fields of :class:`inst.GenerateSettings`.

    Attributes:
        session, styles, prompt, negative_prompt: what is in use.
        settings: every setting with its default filled in.
        num_images, batch_size: pictures to make, and how many at once.

    >>> import inst
    >>> maker = inst.TextToImage("a house, [C]", "night", num_images=2, num_steps=2, height=64, width=64)
    >>> maker.total_steps
    6
    """

    def __init__(self, prompt: str, style: StyleInput = None, model: Session | None = None, **settings: Any) -> None:
        given = settings_of(GenerateSettings, settings | {"prompt": prompt})
        if not given.prompt:
            raise ConfigError('no prompt was given: give one, such as "a house in the style of [C]"')
        self.session = session_or_default(model)
        self.styles = weighted_styles(style, self.session)
        check_named(given.prompt, self.styles)
        self.prompt, self.negative_prompt = given.prompt, given.negative_prompt
        self.settings = resolve_settings(self.session, given)
        self.num_images, self.batch_size = given.num_images, given.batch_size
        self._style = condition(
            self.session,
            self.styles,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            transport=self.settings.transport,
            transport_required=given.transport is not None,
        )

    @property
    def total_steps(self) -> int:
        """Steps that :meth:`steps` yields in all."""
        return -(-self.num_images // self.batch_size) * (self.settings.num_steps + 1)

    def steps(self) -> Iterator[SamplingStep]:
        """One denoising step of a batch at a time; the last step of each batch has its pictures."""
        for number, first in enumerate(range(0, self.num_images, self.batch_size)):
            batch = min(self.batch_size, self.num_images - first)
            settings = replace(self.settings, seed=self.settings.seed + first)
            steps = generate_batch(self.session.model, self._style, settings, batch)
            yield from picture_steps(
                self.session.model, steps, number * (self.settings.num_steps + 1), self.total_steps
            )


def check_named(prompt: str, styles: Sequence[Weighted]) -> None:
    """Refuse styles for a prompt without any placeholder, early.

    Raises:
        TokenError: the prompt has no place for the style.
    """
    if styles and not placeholders(prompt):
        raise TokenError(
            f'the prompt "{prompt}" does not contain {styles[0].placeholder}: write it where the style belongs'
        )


def resolve_settings(session: Session, given: GenerateSettings) -> TextSettings:
    """The settings with the model's defaults where nothing was given."""
    defaults = session.defaults
    return TextSettings(
        height=given.height or defaults.resolution,
        width=given.width or defaults.resolution,
        num_steps=given.num_steps or defaults.num_steps,
        guidance_scale=defaults.guidance_scale if given.guidance_scale is None else given.guidance_scale,
        seed=given.seed,
        sampler=given.sampler,
        transport=defaults.transport if given.transport is None else given.transport,
    )


def generate_steps(
    prompt: str, style: StyleInput = None, *, model: Session | None = None, num_images: int = 1, **settings: Any
) -> Iterator[SamplingStep]:
    """:func:`generate`, one denoising step at a time, for progress, previews and stopping early.

    >>> import inst
    >>> *_, last = inst.generate_steps("a house, [C]", "night", num_steps=2, height=64, width=96)
    >>> last.images[0].size
    (96, 64)
    """
    yield from TextToImage(prompt, style, model, num_images=num_images, **settings).steps()


def generate(
    prompt: str,
    style: StyleInput = None,
    *,
    model: Session | None = None,
    num_images: int = 1,
    progress: bool = False,
    **settings: Any,
) -> list[PIL.Image.Image]:
    """Make pictures from a prompt in which ``[C]`` stands for the style.

    Args:
        prompt: with ``[C]`` in it, or ``[name]`` for each named style; without a placeholder it is plain text to image.
        style: as for :func:`stylize`.
        model: the model; the embedded miniature unless given.
        num_images: pictures to make; the i-th has seed ``seed + i``.
        progress: show a progress bar.
        settings: fields of :class:`inst.GenerateSettings`: ``num_steps``, ``guidance_scale``, ``seed``, ``sampler``,
            ``transport``, ``negative_prompt``, ``height`` and ``width`` in pixels, ``batch_size``.

    Raises:
        ConfigError: no prompt, an unknown setting, or one out of range.
        TokenError: a placeholder without a style, a style without its placeholder, or a style for another model.

    >>> import inst
    >>> inst.generate("a house in the style of [C]", "night", num_steps=2, height=64, width=64)[0].size
    (64, 64)
    """
    steps = generate_steps(prompt, style, model=model, num_images=num_images, **settings)
    return last_images(steps, progress=progress, what="making pictures")

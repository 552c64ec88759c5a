"""What every way from a text to an edit has in common: W+ codes and a text go in, codes come out.

Four of them: `OptimizeEditor`, `MapperEditor`, `DirectionsEditor`, `FfclipEditor`. A loop over steps is a generator of
codes, so that bars, videos and stopping belong to the caller; those that need no steps yield once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.errors import ConfigError, ModelError
from inst.gan.codes import Codes, Synthesis, to_rgb_styles
from inst.gan.ffclip import SemanticModulation
from inst.gan.generator import Generator, Noise
from inst.gan.losses import ClipView
from inst.gan.styleclip.directions import (
    ALPHA,
    Relevance,
    automatic_alpha,
    automatic_beta,
    move,
    style_direction,
    text_direction,
)
from inst.gan.styleclip.mapper import STRENGTH, LatentMapper, StyleSpaceMapper
from inst.gan.styleclip.optimize import OptimizeSettings, optimize_latents
from inst.gan.styleclip.statistics import StyleStatistics
from inst.perceptual.identity import FaceIdentity
from inst.shapes import ImageEmbeds, WPlus

MAX_TEXT = 400
"""Characters; CLIP's 77 tokens are fewer."""
_PROBE = "a photo of a face"


@runtime_checkable
class Editor(Protocol):
    """A way from a text to an edit.

    Attributes:
        num_steps: how many codes `steps` yields.
    """

    num_steps: int

    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        """The codes after each step, W+ or StyleSpace; the last are the result. ``w_plus`` is not changed."""
        ...

    def edit(self, w_plus: WPlus, text: str) -> Codes:
        """The result alone."""
        *_, codes = self.steps(w_plus, text)
        return codes


@dataclass
class OptimizeEditor(Editor):
    """Latent optimisation: no files but CLIP, minutes a face.

    Attributes:
        arcface: needed with ``settings.identity_weight``.
        space: what is optimised; in StyleSpace to-RGB styles stay.
        noise: of the pictures.
    """

    generator: Generator
    clip: ClipView
    settings: OptimizeSettings = field(default_factory=OptimizeSettings)
    arcface: FaceIdentity | None = None
    space: Literal["w_plus", "styles"] = "w_plus"
    noise: Noise = "fixed"

    @property
    def num_steps(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.settings.steps

    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        codes = [self.generator.to_w_plus(w_plus)]
        frozen: frozenset[int] = frozenset()
        if self.space == "styles":
            codes = [style.detach() for style in self.generator.styles(w_plus)]
            frozen = to_rgb_styles(len(codes))
        texts = self.clip.embed_text([checked_text(text)]).to(w_plus)
        synthesize = synthesis_fn(self.generator, self.noise)
        for step in optimize_latents(
            codes, texts, synthesize, self.clip, self.settings, arcface=self.arcface, frozen=frozen
        ):
            yield step.codes


@dataclass
class MapperEditor(Editor):
    """A latent mapper, which knows one text: the text that is given makes no difference.

    Attributes:
        strength: of the mapper's own output; published 0.1.
    """

    generator: Generator
    mapper: LatentMapper
    strength: float = STRENGTH
    num_steps: int = 1

    def __post_init__(self) -> None:
        check_mapper(self.mapper, self.generator)

    @torch.no_grad()
    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        yield self.mapper.edit(codes_for(self.mapper, self.generator, w_plus), self.strength)


@dataclass
class DirectionsEditor(Editor):
    """Global directions: one move in StyleSpace for all faces.

    Attributes:
        relevance: rows of the channels that may move, `styleclip.prepared`.
        statistics: of the generator.
        neutral: the text that describes the faces as they are.
        alpha: how far; ``None`` takes `automatic_alpha` for each face.
        beta: channels whose relevance is smaller stay; ``None`` takes `automatic_beta`.
        most: channels that `automatic_beta` leaves at most; ``None``, as published, for any number.
    """

    generator: Generator
    clip: ClipBackbone
    relevance: Relevance
    statistics: StyleStatistics
    neutral: str = "face"
    alpha: float | None = ALPHA
    beta: float | None = None
    most: int | None = None
    num_steps: int = 1

    def __post_init__(self) -> None:
        self._read: dict[tuple[str, str], Tensor] = {}
        if self.statistics.widths != self.generator.config.style_widths:
            raise ModelError(
                f"the statistics are of a generator with {len(self.statistics.widths)} styles, "
                f"{sum(self.statistics.widths)} channels; this one has {len(self.generator.config.style_widths)}, "
                f"{sum(self.generator.config.style_widths)}: give those of this generator (inst directions prepare)"
            )
        if self.relevance.shape[1] != self.clip.embed_dim:
            raise ModelError(
                f"the relevance matrix is of a CLIP of width {self.relevance.shape[1]}, and {self.clip.name} has "
                f"{self.clip.embed_dim}: name the CLIP it was made with (--clip), or make one (inst directions prepare)"
            )

    def direction(self, text: str) -> Codes:
        """How far each channel goes for ``alpha`` 1. A text is read once: 158 sentences with the neutral one."""
        wanted = self._wanted(text)
        relevance = self.relevance.to(wanted)
        beta = automatic_beta(relevance, wanted, max_channels=self.most) if self.beta is None else self.beta
        frozen = to_rgb_styles(len(self.statistics.stds))
        stds = [std.to(wanted) for std in self.statistics.stds]
        return style_direction(relevance, wanted, stds, beta, frozen=frozen)

    @torch.no_grad()
    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        styles, direction = self.generator.styles(w_plus), self.direction(text)
        draw, wanted = synthesis_fn(self.generator), self._wanted(text)

        def seen(alpha: float) -> Tensor:
            pictures = draw(move(styles, direction, alpha)).clamp(-1, 1)
            return functional.normalize(self.clip.embed_images(pictures), dim=1) @ wanted

        yield move(styles, direction, automatic_alpha(seen) if self.alpha is None else self.alpha)

    def _wanted(self, text: str) -> Tensor:
        texts = (checked_text(text), self.neutral)
        if texts not in self._read:
            self._read[texts] = text_direction(self.clip, *texts)
        return self._read[texts]


@dataclass
class FfclipEditor(Editor):
    """FFCLIP: any text in one pass."""

    network: SemanticModulation
    clip: ClipBackbone
    num_steps: int = 1

    @torch.no_grad()
    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        embeds = self.clip.embed_text([checked_text(text)]).to(w_plus)
        yield self.network.edit([w_plus], embeds.expand(len(w_plus), -1))


def synthesis_fn(generator: Generator, noise: Noise = "fixed") -> Synthesis:
    """A generator as the losses and editors see it: W+ or StyleSpace to pictures, with the same noise every time."""

    def draw(codes: Sequence[Tensor]) -> Tensor:
        if len(codes) == 1 and codes[0].ndim == 3:
            return generator(codes[0], noise)
        return generator.synthesize(list(codes), noise)

    return draw


def codes_for(mapper: LatentMapper, generator: Generator, w_plus: WPlus) -> Codes:
    """W+ in the space that a mapper works in."""
    if isinstance(mapper, StyleSpaceMapper):
        return [style.detach() for style in generator.styles(w_plus)]
    return [generator.to_w_plus(w_plus)]


def check_mapper(mapper: LatentMapper, generator: Generator) -> None:
    """Hold a mapper to a generator's sizes.

    Raises:
        ModelError: it was made for another.
    """
    config = generator.config
    if isinstance(mapper, StyleSpaceMapper):
        # mapper_{i}.mapping.1.weight and the like
        widths = {(int(name.split(".")[0][7:]), p.shape[-1]) for name, p in mapper.named_parameters()}
        fits = widths <= set(enumerate(config.style_widths))
    else:
        fits = {parameter.shape[-1] for parameter in mapper.parameters()} == {config.w_width}
    if not fits:
        raise ModelError(
            f"the mapper was trained for another generator: this one's codes are {config.num_layers} layers of "
            f"{config.w_width}; take the generator it was trained with, or train one (inst mapper train)"
        )


def checked_text(text: str, name: str = "text") -> str:
    """A text without spaces around it.

    Raises:
        ConfigError: empty, or longer than CLIP can read.
    """
    stripped = " ".join(text.split())
    if not stripped:
        raise ConfigError(f'{name} is empty: say what the picture should show, as --{name} "a face with glasses"')
    if len(stripped) > MAX_TEXT:
        raise ConfigError(f"{name} has {len(stripped)} characters, and CLIP reads at most {MAX_TEXT}: shorten it")
    return stripped


@torch.no_grad()
def check_read_whole(clip: ClipBackbone, text: str, name: str = "text") -> None:
    """Hold a text to CLIP's context, behind which it cuts without a word.

    Raises:
        ConfigError: the last word of several makes no difference to CLIP.
    """
    words = text.split()
    if len(words) < 2:
        return
    whole, shorter = clip.embed_text([text, " ".join(words[:-1])])
    if torch.allclose(whole, shorter, rtol=1e-5, atol=1e-6):
        raise ConfigError(f"{name} is too long: {clip.name} does not read its last word, {words[-1]:.40}; shorten it")


@torch.no_grad()
def clip_probe(clip: ClipBackbone) -> Float[Tensor, " e"]:
    """What tells one CLIP from another: where it puts a plain sentence, as a unit vector on the CPU."""
    embeds: ImageEmbeds = clip.embed_text([_PROBE])
    return functional.normalize(embeds[0].float().cpu(), dim=0)


def check_clip(clip: ClipBackbone, probe: Tensor | None, file: str, made_with: str) -> None:
    """Hold a file to the CLIP it was made with.

    Args:
        probe: `clip_probe` of that CLIP, ``None`` where the file records none.
        made_with: its name, for the error.

    Raises:
        ModelError: it is another.
    """
    if probe is None:
        return
    here = clip_probe(clip)
    if probe.shape != here.shape or float(here @ probe.float()) < 0.99:
        raise ModelError(f"{file} was made with the CLIP {made_with}, not {clip.name}: give --clip {made_with}")

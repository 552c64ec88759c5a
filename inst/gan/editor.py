"""The interface of the four editing methods: W+ codes and a text in, edited codes out.

`OptimizeEditor`, `MapperEditor`, `DirectionsEditor` and `FfclipEditor`. An editor is a generator of codes, one item per
step, so that progress bars, videos and early stopping are up to the caller; methods without steps yield once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

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
from inst.gan.settings import OptimizeSettings
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
from inst.gan.styleclip.optimize import optimize_latents
from inst.gan.styleclip.statistics import StyleStatistics
from inst.perceptual.identity import FaceIdentity
from inst.shapes import ImageEmbeds, WPlus

MAX_TEXT = 400
"""Longest text in characters; CLIP's 77 tokens hold fewer."""
_PROBE = "a photo of a face"


@runtime_checkable
class Editor(Protocol):
    """A method that edits codes by a text.

    Attributes:
        num_steps: number of items that `steps` yields.
    """

    num_steps: int

    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        """The codes after each step, in W+ or StyleSpace; the last are the result. ``w_plus`` is not changed."""
        ...

    def edit(self, w_plus: WPlus, text: str) -> Codes:
        """The codes after the last step."""
        *_, codes = self.steps(w_plus, text)
        return codes


@dataclass
class OptimizeEditor(Editor):
    """Latent optimisation: needs nothing but CLIP, and minutes per face.

    Attributes:
        settings: in StyleSpace (``space="styles"``) the styles of the to-RGB layers are not optimised.
        arcface: required where ``settings.identity_weight`` is not 0.
        noise: noise maps of the pictures that are compared with the text.
    """

    generator: Generator
    clip: ClipView
    settings: OptimizeSettings = field(default_factory=OptimizeSettings)
    arcface: FaceIdentity | None = None
    noise: Noise = "fixed"

    @property
    def num_steps(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.settings.steps

    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        codes = [self.generator.to_w_plus(w_plus)]
        frozen: frozenset[int] = frozenset()
        if self.settings.space == "styles":
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
    """A latent mapper. It was trained for one text, and ignores the text that is passed to `steps`.

    Attributes:
        strength: factor on the mapper's output; published 0.1.
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
    """Global directions: one direction in StyleSpace per text, the same for all faces.

    Attributes:
        relevance: a row for each channel that may change, `styleclip.prepared`.
        statistics: of the generator's StyleSpace.
        neutral: a text that describes the faces as they are.
        alpha: strength; ``None`` chooses it for each face by `automatic_alpha`.
        beta: channels of lower relevance are not changed; ``None`` chooses it by `automatic_beta`.
        most: largest number of channels that `automatic_beta` keeps; ``None``, as published, sets no limit.
        known: the text directions computed so far, by target and neutral text. Each needs CLIP's embeddings of 158
            sentences, so copies of the editor with another ``alpha`` or ``beta`` share them.
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
    known: dict[tuple[str, str], Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
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
        """The change of each channel for ``alpha`` 1."""
        wanted = self._wanted(text)
        relevance = self.relevance.to(wanted)
        beta = automatic_beta(relevance, wanted, max_channels=self.most) if self.beta is None else self.beta
        frozen = to_rgb_styles(len(self.statistics.stds))
        stds = [std.to(wanted) for std in self.statistics.stds]
        return style_direction(relevance, wanted, stds, beta, frozen=frozen)

    @torch.no_grad()
    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        styles, direction = self.generator.styles(w_plus), self.direction(text)
        synthesize, wanted = synthesis_fn(self.generator), self._wanted(text)

        def along_text(alpha: float) -> Tensor:
            pictures = synthesize(move(styles, direction, alpha)).clamp(-1, 1)
            return functional.normalize(self.clip.embed_images(pictures), dim=1) @ wanted

        yield move(styles, direction, automatic_alpha(along_text) if self.alpha is None else self.alpha)

    def _wanted(self, text: str) -> Tensor:
        texts = (checked_text(text), self.neutral)
        if texts not in self.known:
            self.known[texts] = text_direction(self.clip, *texts)
        return self.known[texts]


@dataclass
class FfclipEditor(Editor):
    """FFCLIP: any text in one forward pass."""

    network: SemanticModulation
    clip: ClipBackbone
    num_steps: int = 1

    @torch.no_grad()
    def steps(self, w_plus: WPlus, text: str) -> Iterator[Codes]:
        embeds = self.clip.embed_text([checked_text(text)]).to(w_plus)
        yield self.network.edit([w_plus], embeds.expand(len(w_plus), -1))


def synthesis_fn(generator: Generator, noise: Noise = "fixed") -> Synthesis:
    """The generator as the losses and editors call it: W+ or StyleSpace to pictures, always with the same noise."""

    def synthesize(codes: Sequence[Tensor]) -> Tensor:
        if len(codes) == 1 and codes[0].ndim == 3:
            return generator(codes[0], noise)
        return generator.synthesize(list(codes), noise)

    return synthesize


def codes_for(mapper: LatentMapper, generator: Generator, w_plus: WPlus) -> Codes:
    """W+ codes converted to the space that a mapper works in."""
    if isinstance(mapper, StyleSpaceMapper):
        return [style.detach() for style in generator.styles(w_plus)]
    return [generator.to_w_plus(w_plus)]


def check_mapper(mapper: LatentMapper, generator: Generator) -> None:
    """Check that a mapper's sizes match a generator's.

    Raises:
        ModelError: it was trained for another generator.
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
    """The text without surrounding and repeated spaces.

    Raises:
        ConfigError: it is empty, or longer than CLIP can read.
    """
    stripped = " ".join(text.split())
    if not stripped:
        raise ConfigError(f'{name} is empty: say what the picture should show, as --{name} "a face with glasses"')
    if len(stripped) > MAX_TEXT:
        raise ConfigError(f"{name} has {len(stripped)} characters, and CLIP reads at most {MAX_TEXT}: shorten it")
    return stripped


@torch.no_grad()
def check_read_whole(clip: ClipBackbone, text: str, name: str = "text") -> None:
    """Check that a text fits into CLIP's context, beyond which CLIP truncates it silently.

    Raises:
        ConfigError: leaving out the last word does not change the text's embedding.
    """
    words = text.split()
    if len(words) < 2:
        return
    whole, shorter = clip.embed_text([text, " ".join(words[:-1])])
    if torch.allclose(whole, shorter, rtol=1e-5, atol=1e-6):
        raise ConfigError(f"{name} is too long: {clip.name} does not read its last word, {words[-1]:.40}; shorten it")


@torch.no_grad()
def clip_probe(clip: ClipBackbone) -> Float[Tensor, " e"]:
    """A fingerprint of a CLIP: its embedding of a fixed sentence, as a unit vector on the CPU."""
    embeds: ImageEmbeds = clip.embed_text([_PROBE])
    return functional.normalize(embeds[0].float().cpu(), dim=0)


def check_clip(clip: ClipBackbone, probe: Tensor | None, file: str, made_with: str) -> None:
    """Check that a file was made with this CLIP.

    Args:
        probe: `clip_probe` of the CLIP that the file was made with; ``None``, where none is recorded, passes.
        made_with: that CLIP's name, for the error.

    Raises:
        ModelError: it was made with another one.
    """
    if probe is None:
        return
    here = clip_probe(clip)
    if probe.shape != here.shape or float(here @ probe.float()) < 0.99:
        raise ModelError(f"{file} was made with the CLIP {made_with}, not {clip.name}: give --clip {made_with}")

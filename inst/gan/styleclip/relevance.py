"""Which way each channel of StyleSpace moves a picture in CLIP's space: the matrix that text directions look up.

Patashnik et al. 2021, section 6, "channel relevance".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.errors import ConfigError
from inst.gan.codes import Codes, Synthesis, rows_of
from inst.gan.styleclip.statistics import StyleStatistics
from inst.shapes import Image, ImageEmbeds

Embed = Callable[[Image], ImageEmbeds]
"""Pictures to CLIP embeddings by CLIP's own preprocessing: `ClipBackbone.embed_images`."""


@dataclass(frozen=True, kw_only=True)
class RelevanceSettings:
    """How channels are probed.

    Attributes:
        mode: ``clean`` moves one channel at a time, as the paper has it. ``reference`` does as the published code:
            a channel that was visited stays at its mean for the rest of the run, and pictures are cut to 8 bits.
        strength: deviations up and down; 5 for faces, 10 for other things.
        batch_size: pictures at a time.
    """

    mode: Literal["clean", "reference"] = "clean"
    strength: float = 5.0
    batch_size: int = 16

    def __post_init__(self) -> None:
        if not self.strength > 0 or self.batch_size < 1:
            raise ConfigError("strength and batch_size are out of range: give more than 0")


@dataclass(frozen=True)
class ChannelRow:
    """One row of the relevance matrix: a channel of a style, and the unit vector it moves CLIP's embedding along."""

    style: int
    channel: int
    direction: Float[Tensor, " e"]


def channel_relevance(
    samples: Sequence[Tensor],
    statistics: StyleStatistics,
    synthesize: Synthesis,
    embed: Embed,
    settings: RelevanceSettings,
    *,
    frozen: Collection[int] = (),
    only: Collection[int] | None = None,
) -> Iterator[ChannelRow]:
    """Probes every channel of every style that is not frozen, in order; each costs twice as many pictures as samples.

    Args:
        samples: styles (b, C), published 100 rows; not changed.
        frozen: styles left out, `to_rgb_styles`, and in the published matrix those beyond 128 px.
        only: which channels, counted from 0 in that order, ``None`` for all: a run can go on where it stopped, or share
            channels with others, in either mode with the same result.
    """
    codes = [style.clone() for style in samples]
    means = [mean.to(style) for mean, style in zip(statistics.means, codes, strict=True)]
    places = [(i, c) for i, style in enumerate(codes) if i not in frozen for c in range(style.shape[1])]
    for number, (style, channel) in enumerate(places):
        before = codes[style][:, channel].clone()
        codes[style][:, channel] = means[style][channel]
        if only is None or number in only:
            step = settings.strength * float(statistics.stds[style][channel])
            features = _features(codes, (style, channel), step, synthesize, embed, settings)
            yield ChannelRow(style, channel, channel_directions(features[None])[0])
        if settings.mode == "clean":
            codes[style][:, channel] = before


@torch.no_grad()
def _features(
    codes: Codes,
    place: tuple[int, int],
    step: float,
    synthesize: Synthesis,
    embed: Embed,
    settings: RelevanceSettings,
) -> Float[Tensor, "n 2 e"]:
    """CLIP embeddings of every sample with one channel a step below and above."""
    style, channel = place
    parts = []
    rows = max(1, settings.batch_size // 2)
    for start in range(0, len(codes[0]), rows):
        both = [code.repeat(2, 1) for code in rows_of(codes, slice(start, start + rows))]
        half = len(both[0]) // 2
        both[style][:half, channel] -= step
        both[style][half:, channel] += step
        images = synthesize(both)
        embeds = embed(_cut_to_8_bits(images) if settings.mode == "reference" else images.clamp(-1, 1))
        parts.append(embeds.float().unflatten(0, (2, half)).transpose(0, 1))
    return torch.cat(parts)


def _cut_to_8_bits(images: Image) -> Image:
    return ((images + 1) * 127.5).clamp(0, 255).floor() / 127.5 - 1


def channel_directions(features: Float[Tensor, "channels n 2 e"]) -> Float[Tensor, "channels e"]:
    """The mean direction from the lower to the upper pictures, every difference counting alike.

    A channel that moves nothing has the direction 0.
    """
    low, high = functional.normalize(features, dim=-1).unbind(2)
    return functional.normalize(functional.normalize(high - low, dim=-1).mean(1), dim=-1)

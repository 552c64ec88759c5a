"""Channel relevance: the direction in CLIP's space in which each StyleSpace channel moves an image.

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
"""Maps images to CLIP embeddings with CLIP's own preprocessing: `ClipBackbone.embed_images`."""


@dataclass(frozen=True, kw_only=True)
class RelevanceSettings:
    """How the channels are perturbed.

    Attributes:
        mode: ``clean`` perturbs one channel at a time, as in the paper. ``reference`` reproduces the published code: a
            channel stays at its mean for the rest of the run once it was visited, and images are quantised to 8 bits.
        strength: perturbation in both directions, in standard deviations; 5 for faces, 10 for other domains.
        batch_size: number of images generated at a time.

    Raises:
        ConfigError: ``strength`` or ``batch_size`` is out of range.
    """

    mode: Literal["clean", "reference"] = "clean"
    strength: float = 5.0
    batch_size: int = 16

    def __post_init__(self) -> None:
        if not self.strength > 0 or self.batch_size < 1:
            raise ConfigError("strength or batch_size is out of range: give more than 0")


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
    """Computes the relevance of every channel of every style that is not frozen, in order.

    Each channel requires two images per sample.

    Args:
        samples: styles (b, C), not modified; 100 rows in the published code.
        statistics: means and standard deviations of the channels.
        synthesize: the generator, from StyleSpace to images in [-1, 1].
        embed: the CLIP image encoder.
        settings: how channels are perturbed.
        frozen: indices of styles to leave out: `to_rgb_styles`, and in the published matrix also those above 128 px.
        only: indices of the channels to compute, counted from 0 in this order; ``None`` for all. A run can thus be
            resumed or split over processes with the same result, in either mode.

    Yields:
        One row of the relevance matrix per channel.
    """
    codes = [style.clone() for style in samples]
    means = [mean.to(style) for mean, style in zip(statistics.means, codes, strict=True)]
    channels = [(i, c) for i, style in enumerate(codes) if i not in frozen for c in range(style.shape[1])]
    for number, (style, channel) in enumerate(channels):
        original = codes[style][:, channel].clone()
        codes[style][:, channel] = means[style][channel]
        if only is None or number in only:
            step = settings.strength * float(statistics.stds[style][channel])
            features = _features(codes, (style, channel), step, synthesize, embed, settings)
            yield ChannelRow(style, channel, channel_directions(features[None])[0])
        if settings.mode == "clean":
            codes[style][:, channel] = original


@torch.no_grad()
def _features(
    codes: Codes,
    place: tuple[int, int],
    step: float,
    synthesize: Synthesis,
    embed: Embed,
    settings: RelevanceSettings,
) -> Float[Tensor, "n 2 e"]:
    """CLIP embeddings of every sample with one channel decreased and increased by ``step``."""
    style, channel = place
    parts = []
    rows = max(1, settings.batch_size // 2)
    for start in range(0, len(codes[0]), rows):
        both = [code.repeat(2, 1) for code in rows_of(codes, slice(start, start + rows))]
        half = len(both[0]) // 2
        both[style][:half, channel] -= step
        both[style][half:, channel] += step
        images = synthesize(both)
        embeds = embed(_quantise_to_8_bits(images) if settings.mode == "reference" else images.clamp(-1, 1))
        parts.append(embeds.float().unflatten(0, (2, half)).transpose(0, 1))
    return torch.cat(parts)


def _quantise_to_8_bits(images: Image) -> Image:
    return ((images + 1) * 127.5).clamp(0, 255).floor() / 127.5 - 1


def channel_directions(features: Float[Tensor, "channels n 2 e"]) -> Float[Tensor, "channels e"]:
    """Unit vector of the mean CLIP direction from the decreased to the increased channel.

    The difference of each sample is normalised first, so that all samples have equal weight. A channel without effect
    has the direction 0.

    Args:
        features: CLIP embeddings of n samples with each channel decreased (0) and increased (1).
    """
    low, high = functional.normalize(features, dim=-1).unbind(2)
    return functional.normalize(functional.normalize(high - low, dim=-1).mean(1), dim=-1)

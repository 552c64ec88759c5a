"""Global directions: a text becomes one StyleSpace direction for all faces, with a strength α and a threshold β.

Patashnik et al. 2021, section 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.clip.templates import IMAGENET_TEMPLATES
from inst.errors import ConfigError, ModelError
from inst.files import read_array
from inst.gan.codes import Codes

Relevance = Float[Tensor, "channels e"]
"""For each editable StyleSpace channel, in order, the unit vector along which it moves the CLIP embedding."""
BETAS = np.arange(0.1, 0.3, 0.01)
"""Candidates of `automatic_beta`."""
ALPHA = 3.0
"""The published strength."""
ALPHAS = (0.5, 1.0, 2.0, 3.0, 4.5, 7.0, 11.0)
"""Candidates of `automatic_alpha`. Beyond these, small generators no longer produce a face."""
SUFFICIENT_GAIN = 0.8
"""Fraction of the largest gain among `ALPHAS` that `automatic_alpha` requires."""
MIN_CHANNELS = 20
"""Number of channels that automatic thresholds keep at least, for faces; 100 suits other domains."""
MAX_CHANNELS = 60
"""Number of channels kept at most for avatars: more do not strengthen an edit but change more unrelated features."""


def text_direction(
    clip: ClipBackbone, target: str, neutral: str, templates: Sequence[str] = IMAGENET_TEMPLATES
) -> Float[Tensor, " e"]:
    """Unit vector Δt from a neutral text ("face") to a target text ("smiling face") in CLIP's space.

    Args:
        clip: the CLIP model.
        target: text that describes the wanted image.
        neutral: text that describes the image as it is.
        templates: sentences over which each text's embedding is averaged (prompt ensembling).

    Raises:
        ConfigError: CLIP gives both texts the same embedding.
    """
    difference = embed_class(clip, target, templates) - embed_class(clip, neutral, templates)
    if not difference.norm() > 1e-6:
        raise ConfigError(
            f"target {target!r} and neutral {neutral!r} mean the same to CLIP: give texts that differ in meaning"
        )
    return functional.normalize(difference, dim=0)


@torch.no_grad()
def embed_class(clip: ClipBackbone, name: str, templates: Sequence[str]) -> Float[Tensor, " e"]:
    """Unit embedding of a class name, averaged over prompt templates (Radford et al. 2021, section 3.1.4)."""
    embeds = functional.normalize(clip.embed_text([template.format(name) for template in templates]), dim=1)
    return functional.normalize(embeds.mean(0), dim=0)


def style_direction(
    relevance: Relevance,
    text: Float[Tensor, " e"],
    stds: Sequence[Float[Tensor, "_"]],
    beta: float,
    *,
    frozen: Collection[int] = (),
) -> Codes:
    """The StyleSpace direction Δs for strength 1: relevance times standard deviation, 0 below the threshold.

    Args:
        relevance: rows for the channels of the styles that are not frozen, in order; trailing channels may be left out
            and do not change.
        text: unit vector from `text_direction`.
        stds: standard deviations of every style, including frozen ones: `StyleStatistics.stds`.
        beta: threshold β; channels whose absolute relevance is smaller do not change, so a higher β changes less.
        frozen: indices of styles that do not change, usually `to_rgb_styles`.

    Returns:
        One vector (C,) per style.

    Raises:
        ConfigError: no channel exceeds the threshold (the message names the largest useful one), or the matrix has more
            rows than the generator has channels.
    """
    relevant = relevance @ text.to(relevance)
    largest = float(relevant.abs().max())
    kept = torch.where(relevant.abs() >= beta, relevant, 0)
    if not kept.any():
        useful = math.floor(largest * 1000) / 1000
        raise ConfigError(f"beta={beta:g} leaves no channel to change: give at most {useful:g} for this text")
    return _split(kept / largest, stds, frozen)


def _split(values: Float[Tensor, " channels"], stds: Sequence[Tensor], frozen: Collection[int]) -> Codes:
    """Splits one value per channel, in units of its standard deviation, into styles."""
    widths = [0 if index in frozen else len(std) for index, std in enumerate(stds)]
    if len(values) > sum(widths):
        raise ConfigError(f"the relevance matrix has {len(values)} rows, but the generator only {sum(widths)} channels")
    full = functional.pad(values, (0, sum(widths) - len(values)))
    pieces = full.split(widths)
    return [
        torch.zeros_like(std) if index in frozen else piece.to(std) * std
        for index, (piece, std) in enumerate(zip(pieces, stds, strict=True))
    ]


def num_channels(relevance: Relevance, text: Float[Tensor, " e"], beta: float) -> int:
    """Number of channels above a threshold; colour edits need 10 to 20 channels, shape edits 100 to 200."""
    return int(((relevance @ text.to(relevance)).abs() >= beta).sum())


def automatic_beta(
    relevance: Relevance, text: Float[Tensor, " e"], min_channels: int = MIN_CHANNELS, max_channels: int | None = None
) -> float:
    """The largest threshold of 0.10, 0.11 … 0.29 that keeps more than ``min_channels`` channels, otherwise 0.1.

    Args:
        relevance: the relevance matrix.
        text: unit vector from `text_direction`.
        min_channels: number of channels that must be exceeded.
        max_channels: if that threshold keeps more channels, use the one that keeps this many. The published range suits
            CLIP's 512 dimensions; with a small CLIP nearly every channel is somewhat relevant to a text.
    """
    sufficient = [float(beta) for beta in BETAS if num_channels(relevance, text, float(beta)) > min_channels]
    beta = round(max(sufficient, default=0.1), 2)
    if max_channels is None or num_channels(relevance, text, beta) <= max_channels:
        return beta
    return float((relevance @ text.to(relevance)).abs().topk(max_channels).values[-1])


def automatic_alpha(text_score: Callable[[float], Float[Tensor, " b"]]) -> Float[Tensor, "b 1"]:
    """For each face the smallest of `ALPHAS` whose gain is at least `SUFFICIENT_GAIN` of the largest gain among them.

    Objects such as glasses appear at a low strength, and a higher one only changes the rest of the face; colours need a
    higher strength.

    Args:
        text_score: for a strength, the CLIP score along the text direction of each edited face; called with 0 for the
            unedited faces.
    """
    start = text_score(0.0)
    gains = torch.stack([text_score(alpha) - start for alpha in ALPHAS])
    sufficient = gains >= SUFFICIENT_GAIN * gains.amax(0).clamp(min=0)
    # argmax returns the first sufficient strength, and the smallest one if no gain is positive
    return torch.tensor(ALPHAS).to(gains)[sufficient.int().argmax(0)][:, None]


def move(styles: Sequence[Tensor], direction: Sequence[Tensor], alpha: float | Float[Tensor, "b 1"]) -> Codes:
    """``s + α Δs``: moves styles (b, C) along a direction; published strengths α range from -10 to 10, by default 3."""
    return [style + alpha * step.to(style) for style, step in zip(styles, direction, strict=True)]


def read_relevance(path: Path) -> Relevance:
    """Reads StyleCLIP's published ``fs3.npy``: unit vectors (channels, e) in any precision, returned as float32.

    Raises:
        InputError: the file is missing or unsafe, or is no array.
        ModelError: the array is not a finite floating-point matrix.
    """
    matrix = read_array(path)
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
        raise ModelError(
            f"{path} holds no relevance matrix: give one with a row per channel and CLIP's width as columns"
        )
    return torch.from_numpy(matrix.astype(np.float32))

"""Global directions: one text's edit in StyleSpace, the same for every face, with a strength and a threshold.

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
"""A unit vector in CLIP's space for each channel that may change, style by style in order."""
BETAS = np.arange(0.1, 0.3, 0.01)
ALPHA = 3.0
"""The published strength."""
ALPHAS = (0.5, 1.0, 2.0, 3.0, 4.5, 7.0, 11.0)
"""What is tried for each face; beyond, small generators draw no face any more."""
ENOUGH = 0.8
"""Of the way that the best of them goes."""
FEWEST_CHANNELS = 20
"""What automatic thresholds leave at least for faces; 100 for other things."""
MOST_CHANNELS = 60
"""What they leave at most for avatars: with more, an edit is no further and changes more beside it."""


def text_direction(
    clip: ClipBackbone, target: str, neutral: str, templates: Sequence[str] = IMAGENET_TEMPLATES
) -> Float[Tensor, " e"]:
    """The unit vector from a neutral text ("face") to a target ("smiling face"), each averaged over the templates.

    Raises:
        ConfigError: the two texts are one to CLIP.
    """
    difference = embed_class(clip, target, templates) - embed_class(clip, neutral, templates)
    if not difference.norm() > 1e-6:
        raise ConfigError(f"target {target!r} and neutral {neutral!r} mean the same to CLIP: give texts that differ")
    return functional.normalize(difference, dim=0)


@torch.no_grad()
def embed_class(clip: ClipBackbone, name: str, templates: Sequence[str]) -> Float[Tensor, " e"]:
    """A name's unit embedding, averaged over sentences with it (Radford et al. 2021, section 3.1.4)."""
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
    """How far each channel goes for strength 1, (C,) a style: relevant channels by their relevance and deviation.

    Args:
        relevance: rows for the channels of the styles that are not frozen, in order; rows may end early.
        text: unit vector of `text_direction`.
        stds: of every style, frozen ones included; `StyleStatistics.stds`.
        beta: channels whose relevance is smaller stay; higher changes less.
        frozen: styles that stay, `to_rgb_styles`.

    Raises:
        ConfigError: no channel is left (the largest useful threshold is named), or rows without channels.
    """
    relevant = relevance @ text.to(relevance)
    largest = float(relevant.abs().max())
    kept = torch.where(relevant.abs() >= beta, relevant, 0)
    if not kept.any():
        useful = math.floor(largest * 1000) / 1000
        raise ConfigError(f"beta={beta:g} leaves no channel to change: give at most {useful:g} for this text")
    return _split(kept / largest, stds, frozen)


def _split(values: Float[Tensor, " channels"], stds: Sequence[Tensor], frozen: Collection[int]) -> Codes:
    """One value a channel to styles, in units of their deviations."""
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
    """How many channels a threshold leaves; edits of colour need 10 to 20, of shape 100 to 200."""
    return int(((relevance @ text.to(relevance)).abs() >= beta).sum())


def automatic_beta(
    relevance: Relevance, text: Float[Tensor, " e"], fewest: int = FEWEST_CHANNELS, most: int | None = None
) -> float:
    """The largest threshold of 0.10, 0.11 … 0.29 that leaves more than ``fewest`` channels; else 0.1.

    Args:
        most: where that leaves more, the threshold of the channel with this rank. The published range is for a CLIP of
            512 dimensions; a small one sees some of a text in nearly every channel.
    """
    enough = [float(beta) for beta in BETAS if num_channels(relevance, text, float(beta)) > fewest]
    beta = round(max(enough, default=0.1), 2)
    if most is None or num_channels(relevance, text, beta) <= most:
        return beta
    return float((relevance @ text.to(relevance)).abs().topk(most).values[-1])


def automatic_alpha(seen: Callable[[float], Float[Tensor, " b"]]) -> Float[Tensor, "b 1"]:
    """For each face the least of `ALPHAS` that goes `ENOUGH` of the way along the text that the best of them goes.

    A thing that is put on, as glasses, is there early, and more only changes the rest; a colour takes longer.

    Args:
        seen: how far along the text CLIP sees the faces, edited with a strength; 0 for none.
    """
    start = seen(0.0)
    gained = torch.stack([seen(alpha) - start for alpha in ALPHAS])
    enough = gained >= ENOUGH * gained.amax(0).clamp(min=0)
    # where nothing goes along the text, the first: argmax takes the first of equals
    return torch.tensor(ALPHAS).to(gained)[enough.int().argmax(0)][:, None]


def move(styles: Sequence[Tensor], direction: Sequence[Tensor], alpha: float | Float[Tensor, "b 1"]) -> Codes:
    """``s + α Δs``: styles (b, C) along a direction; published strengths lie between -10 and 10, 3 by default."""
    return [style + alpha * step.to(style) for style, step in zip(styles, direction, strict=True)]


def read_relevance(path: Path) -> Relevance:
    """The published ``fs3.npy``: (channels, e) of any precision, as float32 unit vectors.

    Raises:
        InputError: missing, unsafe or no array.
        ModelError: an array of another kind.
    """
    matrix = read_array(path)
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
        raise ModelError(f"{path} holds no relevance matrix: rows of channels, columns of CLIP's width are needed")
    return torch.from_numpy(matrix.astype(np.float32))

"""Distance between the layouts of two pictures: where edges are, and which parts resemble which.

Both measures are 1 − a Pearson correlation: 0 for the same layout, about 1 for an unrelated one, at most 2. Pictures
are brought to squares, whatever their shape, so that a result can also be compared with photos other than its own.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.image import resize
from inst.metrics.style import luminance
from inst.shapes import Image

EDGE_SIDES = (64, 128)
SIMILARITY_GRID = 8


def edge_distance(first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]) -> float:
    """1 − mean correlation of the gradient-magnitude maps at 64 and 128 px; pictures in [-1, 1]."""
    return 1 - sum(correlation(edges(first, side), edges(second, side)) for side in EDGE_SIDES) / len(EDGE_SIDES)


def self_similarity_distance(
    clip: ClipBackbone, first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]
) -> float:
    """1 − correlation of the pictures' self-similarity (Tumanyan et al. 2022, eq. 4) in an 8×8 grid of CLIP patches."""
    return 1 - correlation(self_similarity(clip, first), self_similarity(clip, second))


def edges(image: Float[Tensor, "1 3 h w"], side: int) -> Float[Tensor, "r c"]:
    """Gradient magnitude (Sobel) of the luminance at ``side`` × ``side`` px, without the border."""
    grey = luminance(resize(image.detach().float().cpu(), side, side))
    sobel = grey.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    gradients = functional.conv2d(grey, torch.stack([sobel, sobel.T])[:, None])
    return gradients[0].norm(dim=0)


def self_similarity(clip: ClipBackbone, image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, " pairs"]:
    """Cosine similarities of each two of the 64 cells of an 8×8 grid of CLIP patch tokens."""
    with torch.no_grad():
        tokens = clip.embed_patches(_square(image)).float().cpu()
    grid = round(tokens.shape[1] ** 0.5)
    cells = functional.adaptive_avg_pool2d(tokens.transpose(1, 2).unflatten(2, (grid, grid)), SIMILARITY_GRID)
    cells = functional.normalize(cells.flatten(2)[0], dim=0)
    above = torch.ones(cells.shape[1], cells.shape[1], dtype=torch.bool).triu(1)
    return (cells.T @ cells)[above]


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson correlation of two tensors of one shape; 0 where one of them does not vary, 1 where neither does."""
    first, second = (x.double().flatten() - x.double().mean() for x in (first, second))
    norms = first.norm(), second.norm()
    if min(norms) <= 1e-9:
        return float(max(norms) <= 1e-9)
    return (first @ second / (norms[0] * norms[1])).item()


def _square(image: Image) -> Image:
    """The whole picture as a square, so that CLIP's centre crop cuts nothing off."""
    side = min(image.shape[-2:])
    return resize(image, side, side)

"""Distances between the layouts of two images: positions of edges, and self-similarity of CLIP features.

Both distances are 1 − a Pearson correlation: 0 for the same layout, about 1 for an unrelated one, at most 2. Images are
resized to squares whatever their aspect ratio, so that a result can also be compared with other photos than its own.
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
    """How much the edges of two images differ: 1 − mean correlation of their edge maps at 64 and 128 px.

    It is 0 for identical edges, about 1 for unrelated ones and at most 2; lower means that more of the photo's
    structure is preserved. Colours and global contrast hardly matter. The measure is defined by this project.

    Args:
        first, second: sRGB in [-1, 1], of any two sizes.

    >>> from skimage import data
    >>> from inst.image import as_picture
    >>> photo, other = as_picture(data.chelsea()).image, as_picture(data.coffee()).image
    >>> round(edge_distance(photo, -0.5 * photo), 2), edge_distance(photo, other) > 0.7
    (0.0, True)
    """
    correlations = [pearson_correlation(edge_map(first, side), edge_map(second, side)) for side in EDGE_SIDES]
    return 1 - sum(correlations) / len(EDGE_SIDES)


def self_similarity_distance(
    clip: ClipBackbone, first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]
) -> float:
    """How much the layouts of two images differ: 1 − correlation of their :func:`self_similarity`.

    It is 0 for the same layout, about 1 for an unrelated one and at most 2; lower means that more of the photo's
    structure is preserved. It compares which regions resemble each other, whatever they look like. The self-similarity
    is that of Tumanyan et al. 2022, "Splicing ViT Features for Semantic Appearance Transfer", eq. 4, here with CLIP
    features in an 8×8 grid and compared by correlation.

    Args:
        clip: a CLIP model with patch tokens.
        first, second: sRGB in [-1, 1], of any two sizes.

    Raises:
        ModelError: the CLIP model has no patch tokens.

    >>> from skimage import data
    >>> from inst.assets import avatars_folder
    >>> from inst.clip import load_clip
    >>> from inst.image import as_picture
    >>> from inst.placement import choose_placement
    >>> clip = load_clip(f"local-dir:{avatars_folder() / 'clip'}", choose_placement("cpu", "float32"))
    >>> photo = as_picture(data.chelsea()).image
    >>> round(self_similarity_distance(clip, photo, photo), 4)
    0.0
    """
    return 1 - pearson_correlation(self_similarity(clip, first), self_similarity(clip, second))


def edge_map(image: Float[Tensor, "1 3 h w"], side: int) -> Float[Tensor, "r c"]:
    """The gradient magnitude (Sobel) of the luminance.

    Args:
        image: sRGB in [-1, 1]; resized to ``side`` × ``side`` px.
        side: in pixels.

    Returns:
        (side − 2, side − 2), without the border, on the CPU. Luminance is in [0, 1], gradients are per pixel.

    >>> edge_map(torch.zeros(1, 3, 100, 150), 64).shape
    torch.Size([62, 62])
    """
    grey = luminance(resize(image.detach().float().cpu(), side, side))
    sobel = grey.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    gradients = functional.conv2d(grey, torch.stack([sobel, sobel.T])[:, None])
    return gradients[0].norm(dim=0)


def self_similarity(clip: ClipBackbone, image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, " pairs"]:
    """The self-similarity of an image: cosine similarities of all pairs of cells in an 8×8 grid of CLIP patch tokens.

    Tumanyan et al. 2022, "Splicing ViT Features for Semantic Appearance Transfer", eq. 4, with CLIP features.

    Args:
        clip: a CLIP model with patch tokens.
        image: sRGB in [-1, 1], resized to a square so that CLIP's centre crop removes nothing.

    Returns:
        The 64 · 63 / 2 = 2016 similarities in [-1, 1], on the CPU.

    Raises:
        ModelError: the CLIP model has no patch tokens.
    """
    with torch.no_grad():
        tokens = clip.embed_patches(_square(image)).float().cpu()
    grid = round(tokens.shape[1] ** 0.5)
    cells = functional.adaptive_avg_pool2d(tokens.transpose(1, 2).unflatten(2, (grid, grid)), SIMILARITY_GRID)
    cells = functional.normalize(cells.flatten(2)[0], dim=0)
    upper_triangle = torch.ones(cells.shape[1], cells.shape[1], dtype=torch.bool).triu(1)
    return (cells.T @ cells)[upper_triangle]


def pearson_correlation(first: Tensor, second: Tensor) -> float:
    """The Pearson correlation of two tensors of the same shape, in [-1, 1].

    If only one of them is constant the result is 0, and if both are it is 1.

    >>> round(pearson_correlation(torch.arange(8.0), 3 - 2 * torch.arange(8.0)), 4)
    -1.0
    """
    first, second = (x.double().flatten() - x.double().mean() for x in (first, second))
    norms = first.norm(), second.norm()
    if min(norms) <= 1e-9:
        return float(max(norms) <= 1e-9)
    return (first @ second / (norms[0] * norms[1])).item()


def _square(image: Image) -> Float[Tensor, "b 3 side side"]:
    """The whole image resized to a square, so that CLIP's centre crop removes nothing."""
    side = min(image.shape[-2:])
    return resize(image, side, side)

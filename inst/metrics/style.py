"""Distance between the manners of two pictures: colour patches, strokes, CLIP.

Sliced Wasserstein distance of patches (Rabin et al. 2011; Bonneel et al. 2015): patches are points, each random
direction makes a one-dimensional problem whose answer is the mean difference of the sorted values. A *signature* holds
those sorted values, so that one picture can be compared with many at the price of a subtraction.

Colour patches are half won by copying the palette; strokes are cut from histogram-equalised luminance with the means
removed and see neither colour nor contrast. Quote both, beside a plain colour transfer.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from skimage.exposure import equalize_hist
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.image import resize
from inst.shapes import Image

SHORT_SIDE = 256
SCALES = (1.0, 0.5, 0.25)
COLOR_PATCH, STROKE_PATCH = 7, 5
NUM_PATCHES, NUM_PROJECTIONS, SEED = 4096, 512, 0

Signature = Float[Tensor, "scales projections patches"]
"""Sorted one-dimensional views of a picture's patches; two of the same kind compare."""


def color_signature(image: Float[Tensor, "1 3 h w"]) -> Signature:
    """Signature of 7×7 RGB patches, values in [0, 1] before projection. ``image`` in [-1, 1], any size."""
    return _signature((_to_short_side(image) + 1) / 2, COLOR_PATCH, centred=False)


def stroke_signature(image: Float[Tensor, "1 3 h w"]) -> Signature:
    """Signature of 5×5 patches of equalised luminance without their means. ``image`` in [-1, 1], any size."""
    grey = luminance(_to_short_side(image))
    equalised = torch.from_numpy(equalize_hist(grey[0, 0].numpy())).to(grey)
    return _signature(equalised[None, None], STROKE_PATCH, centred=True)


def signature_distance(first: Signature, second: Signature) -> float:
    """Mean over scales and directions of the one-dimensional Wasserstein-1 distance; 0 for equal pictures."""
    return (first - second).abs().mean().item()


def color_distance(first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]) -> float:
    """Sliced Wasserstein distance of colour patches, for pictures in [-1, 1] of any two sizes."""
    return signature_distance(color_signature(first), color_signature(second))


def stroke_distance(first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]) -> float:
    """Sliced Wasserstein distance of strokes, blind to colour and contrast, for pictures in [-1, 1]."""
    return signature_distance(stroke_signature(first), stroke_signature(second))


def clip_similarity(clip: ClipBackbone, first: Image, second: Image) -> float:
    """Mean cosine similarity in [-1, 1] of two pictures', or batches', CLIP embeddings."""
    with torch.no_grad():
        return functional.cosine_similarity(clip.embed_images(first), clip.embed_images(second)).mean().item()


def luminance(image: Image) -> Float[Tensor, "b 1 h w"]:
    """Rec. 601 luma of sRGB in [-1, 1], brought to [0, 1]."""
    weights = image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return ((image + 1) / 2 * weights).sum(1, keepdim=True)


def _to_short_side(image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "1 3 hh ww"]:
    """The picture in float32 on the CPU, its short side 256 px."""
    image = image.detach().float().cpu()
    height, width = image.shape[-2:]
    scale = SHORT_SIDE / min(height, width)
    return resize(image, round(height * scale), round(width * scale)).clamp(-1, 1)


def _signature(plane: Float[Tensor, "1 c h w"], patch: int, *, centred: bool) -> Signature:
    """Sorted projections of random patches at every scale; places and directions follow from the seed alone."""
    generator = torch.Generator().manual_seed(SEED)
    places = torch.rand(NUM_PATCHES, 2, generator=generator)
    directions = torch.randn(plane.shape[1] * patch * patch, NUM_PROJECTIONS, generator=generator)
    directions = functional.normalize(directions, dim=0)
    return torch.stack([_project(_scaled(plane, scale), places, directions, patch, centred) for scale in SCALES])


def _scaled(plane: Float[Tensor, "1 c h w"], scale: float) -> Float[Tensor, "1 c hh ww"]:
    """The plane made smaller by averaging."""
    height, width = (round(side * scale) for side in plane.shape[-2:])
    return functional.interpolate(plane, (height, width), mode="area") if scale != 1 else plane


def _project(
    plane: Float[Tensor, "1 c h w"],
    places: Float[Tensor, "n 2"],
    directions: Float[Tensor, "d k"],
    patch: int,
    centred: bool,
) -> Float[Tensor, "k n"]:
    """Patches at ``places`` (fractions of the picture) seen along ``directions``, each row sorted."""
    windows = plane[0].unfold(1, patch, 1).unfold(2, patch, 1)  # c, rows, columns, patch, patch
    rows, columns = ((places * places.new_tensor(windows.shape[1:3])).long()).unbind(1)
    patches = windows[:, rows, columns].transpose(0, 1).flatten(1)
    if centred:
        patches = patches - patches.mean(1, keepdim=True)
    # NumPy sorts floats several times faster than torch, which also keeps track of where each came from
    return torch.from_numpy(np.sort((directions.T @ patches.T).numpy(), axis=1))

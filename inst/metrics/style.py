"""Distances between the styles of two images: colour patches, brush strokes and CLIP embeddings.

The first two are sliced Wasserstein distances between the images' patches (Rabin et al. 2011; Bonneel et al. 2015).
Each patch is a point. Projected onto a random direction, the Wasserstein-1 distance of two sets of points is the mean
difference of their sorted values. A *signature* holds the sorted values of one image, so that comparing it with many
images costs one subtraction each.

Colour patches can be matched to a large extent by transferring the palette alone. Strokes are patches of
histogram-equalised luminance without their means, and hardly depend on colour or contrast. Report both, with a
plain colour transfer as the baseline.
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
"""Sorted one-dimensional projections of an image's patches. Only signatures of the same kind can be compared."""


def color_signature(image: Float[Tensor, "1 3 h w"]) -> Signature:
    """The signature of the 7×7 RGB patches of an image, at three scales.

    Args:
        image: sRGB in [-1, 1], of any size; resized to a short side of 256 px. RGB values are in [0, 1] for the
            projection.

    Returns:
        (3, 512, 4096): scales, random directions, and random patches in sorted order.

    >>> color_signature(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([3, 512, 4096])
    """
    return _signature((_to_short_side(image) + 1) / 2, COLOR_PATCH, remove_mean=False)


def stroke_signature(image: Float[Tensor, "1 3 h w"]) -> Signature:
    """The signature of the 5×5 patches of an image's histogram-equalised luminance, without their means.

    Args:
        image: sRGB in [-1, 1], of any size; resized to a short side of 256 px.

    Returns:
        (3, 512, 4096): scales, random directions, and random patches in sorted order.
    """
    grey = luminance(_to_short_side(image))
    equalised = torch.from_numpy(equalize_hist(grey[0, 0].numpy())).to(grey)
    return _signature(equalised[None, None], STROKE_PATCH, remove_mean=True)


def signature_distance(first: Signature, second: Signature) -> float:
    """The sliced Wasserstein distance: the mean over scales and directions of the Wasserstein-1 distance.

    It is 0 for identical images; lower is more similar.

    Args:
        first, second: signatures of the same kind.

    >>> black, white = color_signature(-torch.ones(1, 3, 64, 64)), color_signature(torch.ones(1, 3, 64, 64))
    >>> 0.7 < signature_distance(black, white) < 0.9
    True
    """
    return (first - second).abs().mean().item()


def color_distance(first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]) -> float:
    """How much the colour patches of two images differ: the sliced Wasserstein distance of their 7×7 RGB patches.

    It is 0 for identical images and about 0.8 between black and white; lower is more similar. Matching the palette
    alone already lowers it. The distance is that of Rabin et al. 2011 and Bonneel et al. 2015.

    Args:
        first, second: sRGB in [-1, 1], of any two sizes.

    >>> from skimage import data
    >>> from inst.image import as_picture
    >>> photo, painting = as_picture(data.chelsea()).image, as_picture(data.coffee()).image
    >>> color_distance(painting, painting) < color_distance(photo, painting)
    True
    """
    return signature_distance(color_signature(first), color_signature(second))


def stroke_distance(first: Float[Tensor, "1 3 h w"], second: Float[Tensor, "1 3 hh ww"]) -> float:
    """How much the brush strokes of two images differ: the sliced Wasserstein distance of 5×5 luminance patches.

    It is 0 for identical images; lower is more similar. Luminance is histogram-equalised and the patches' means are
    removed, so that colour and contrast have almost no influence.

    Args:
        first, second: sRGB in [-1, 1], of any two sizes.

    >>> from skimage import data
    >>> from inst.image import as_picture
    >>> photo, painting = as_picture(data.chelsea()).image, as_picture(data.coffee()).image
    >>> stroke_distance(photo, 0.5 * photo) < 0.1 * stroke_distance(photo, painting)
    True
    """
    return signature_distance(stroke_signature(first), stroke_signature(second))


def clip_similarity(clip: ClipBackbone, first: Image, second: Float[Tensor, "b 3 hh ww"]) -> float:
    """The mean cosine similarity of the CLIP embeddings of two images or batches, in [-1, 1]; higher is more similar.

    CLIP (Radford et al. 2021) responds to content as well as to style.

    Args:
        clip: from :func:`inst.clip.load_clip`.
        first, second: sRGB in [-1, 1], of any two sizes. Batches of the same length are compared pairwise.

    >>> from inst.assets import avatars_folder
    >>> from inst.clip import load_clip
    >>> from inst.placement import choose_placement
    >>> clip = load_clip(f"local-dir:{avatars_folder() / 'clip'}", choose_placement("cpu", "float32"))
    >>> image = torch.rand(1, 3, 96, 96) * 2 - 1
    >>> round(clip_similarity(clip, image, image), 4)
    1.0
    """
    with torch.no_grad():
        return functional.cosine_similarity(clip.embed_images(first), clip.embed_images(second)).mean().item()


def luminance(image: Image) -> Float[Tensor, "b 1 h w"]:
    """The luma (ITU-R BT.601) in [0, 1] of images that are sRGB in [-1, 1].

    >>> luminance(torch.ones(1, 3, 2, 2))[0, 0, 0, 0].item()
    1.0
    """
    weights = image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return ((image + 1) / 2 * weights).sum(1, keepdim=True)


def _to_short_side(image: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "1 3 hh ww"]:
    """The image resized to a short side of 256 px, float32 on the CPU."""
    image = image.detach().float().cpu()
    height, width = image.shape[-2:]
    scale = SHORT_SIDE / min(height, width)
    return resize(image, round(height * scale), round(width * scale)).clamp(-1, 1)


def _signature(plane: Float[Tensor, "1 c h w"], patch: int, *, remove_mean: bool) -> Signature:
    """Sorted projections of random patches at each scale. Positions and directions are fixed by ``SEED``."""
    generator = torch.Generator().manual_seed(SEED)
    positions = torch.rand(NUM_PATCHES, 2, generator=generator)
    directions = torch.randn(plane.shape[1] * patch * patch, NUM_PROJECTIONS, generator=generator)
    directions = functional.normalize(directions, dim=0)
    return torch.stack([_project(_scaled(plane, scale), positions, directions, patch, remove_mean) for scale in SCALES])


def _scaled(plane: Float[Tensor, "1 c h w"], scale: float) -> Float[Tensor, "1 c hh ww"]:
    """The plane downscaled by averaging."""
    height, width = (round(side * scale) for side in plane.shape[-2:])
    return functional.interpolate(plane, (height, width), mode="area") if scale != 1 else plane


def _project(
    plane: Float[Tensor, "1 c h w"],
    positions: Float[Tensor, "n 2"],
    directions: Float[Tensor, "d k"],
    patch: int,
    remove_mean: bool,
) -> Float[Tensor, "k n"]:
    """Patches at ``positions`` (as fractions of the image) projected onto ``directions``, each row sorted."""
    windows = plane[0].unfold(1, patch, 1).unfold(2, patch, 1)  # (c, rows, columns, patch, patch)
    rows, columns = ((positions * positions.new_tensor(windows.shape[1:3])).long()).unbind(1)
    patches = windows[:, rows, columns].transpose(0, 1).flatten(1)
    if remove_mean:
        patches = patches - patches.mean(1, keepdim=True)
    # NumPy sorts floats several times faster than torch, which also computes the indices.
    return torch.from_numpy(np.sort((directions.T @ patches.T).numpy(), axis=1))

"""The CLIP embeddings of a painting: of the whole image, and of crops in which brush strokes are visible."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.image import resize
from inst.shapes import Image


def views(image: Image, size: int) -> Float[Tensor, "5 3 side side"]:
    """Five square views of an image: the whole image and its four corners.

    The first view is the image resized to a short side of ``size`` and centre-cropped. The others are crops from the
    corners of the image at twice that size, because a vision tower with an input of 224 px does not resolve the brush
    strokes of a whole painting.

    Args:
        image: (1, 3, h, w), sRGB in [-1, 1].
        size: side of the views in pixels.

    Returns:
        (5, 3, size, size).

    >>> views(torch.zeros(1, 3, 300, 400), 224).shape
    torch.Size([5, 3, 224, 224])
    """
    small, large = (_short_side(image, side) for side in (size, 2 * size))
    top, left = (small.shape[2] - size) // 2, (small.shape[3] - size) // 2
    corners = [large[..., rows, columns] for rows in _ends(size) for columns in _ends(size)]
    return torch.cat([small[..., top : top + size, left : left + size], *corners])


def _ends(size: int) -> tuple[slice, slice]:
    """The first and the last ``size`` positions of an axis."""
    return slice(0, size), slice(-size, None)


def _short_side(image: Image, side: int) -> Float[Tensor, "b 3 sh sw"]:
    height, width = image.shape[2:]
    scale = side / min(height, width)
    return resize(image, max(side, round(height * scale)), max(side, round(width * scale)))


@torch.no_grad()
def embed_painting(
    clip: ClipBackbone, image: Image, *, patches: bool
) -> tuple[Float[Tensor, "1 1 e"], Float[Tensor, "1 k e"] | None]:
    """The input of the inversion module for a painting: its CLIP embedding, and the context of the attention.

    Args:
        clip: the CLIP model of the inversion module.
        image: the painting (1, 3, h, w), sRGB in [-1, 1].
        patches: ``False`` gives the embedding of the whole image and no context, as published: of unit length, as
            transformers' ``CLIPModel.forward`` returns it. ``True`` gives the mean embedding of the five
            :func:`views`, and the patch embeddings of all of them as context, none of them normalised.

    Raises:
        ModelError: patches are requested, and the CLIP model has none.
    """
    if not patches:
        return _unit_embedding(clip, image), None
    pooled, keys = clip.embed_both(views(image, clip.image_size))
    return pooled.mean(0).reshape(1, 1, -1).float(), keys.flatten(0, 1).unsqueeze(0).float()


@torch.no_grad()
def embed_as_the_release_did(clip: ClipBackbone, image: Image) -> Float[Tensor, "1 1 e"]:
    """The CLIP embedding with which styles were trained by the code that the authors of InST released.

    That code casts the training tensor in [-1, 1] to 8-bit integers, so that CLIP receives a nearly black image
    whatever the painting is. The embedding has unit length. This function is only needed to apply such a style.
    """
    quantized = image.clamp(-1, 1).to(torch.int8).to(torch.uint8).to(torch.float32) / 127.5 - 1
    return _unit_embedding(clip, quantized)


def _unit_embedding(clip: ClipBackbone, image: Image) -> Float[Tensor, "b 1 e"]:
    return functional.normalize(clip.embed_images(image).float(), dim=-1).unsqueeze(1)

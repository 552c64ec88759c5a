"""The painting as CLIP sees it: the whole, and crops at a scale where strokes show."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from inst.clip.backbone import ClipBackbone
from inst.image import resize
from inst.shapes import Image


def views(image: Image, size: int) -> Float[Tensor, "5 3 side side"]:
    """The whole picture and its four corners, each ``size`` pixels square.

    The whole is scaled to ``size`` on its short side and cut at the centre; the corners are cut unscaled from the
    picture at twice that size. A tower that works at 224 pixels sees no stroke of a painting shrunk to fit.

    Args:
        image: one picture (1, 3, h, w).

    Returns:
        Five pictures (5, 3, size, size).
    """
    small, large = (_short_side(image, side) for side in (size, 2 * size))
    top, left = (small.shape[2] - size) // 2, (small.shape[3] - size) // 2
    corners = [large[..., ys, xs] for ys in _ends(size) for xs in _ends(size)]
    return torch.cat([small[..., top : top + size, left : left + size], *corners])


def _ends(size: int) -> tuple[slice, slice]:
    return slice(0, size), slice(-size, None)


def _short_side(image: Image, side: int) -> Float[Tensor, "b 3 sh sw"]:
    height, width = image.shape[2:]
    scale = side / min(height, width)
    return resize(image, max(side, round(height * scale)), max(side, round(width * scale)))


@torch.no_grad()
def embed_painting(
    clip: ClipBackbone, image: Image, *, patches: bool
) -> tuple[Float[Tensor, "1 1 e"], Float[Tensor, "1 k e"] | None]:
    """What the inversion module gets of a painting: its embedding, and the keys to attend to.

    Args:
        patches: ``False`` is the published form: the whole picture's embedding and nothing to attend to but itself.
            ``True``: the mean embedding of the views, and the patch embeddings of all of them.
    """
    if not patches:
        return clip.embed_images(image).unsqueeze(1).float(), None
    pooled, keys = clip.embed_both(views(image, clip.image_size))
    return pooled.mean(0).reshape(1, 1, -1).float(), keys.flatten(0, 1).unsqueeze(0).float()


@torch.no_grad()
def embed_as_the_release_did(clip: ClipBackbone, image: Image) -> Float[Tensor, "1 1 e"]:
    """The embedding that styles trained by the authors' release were fitted to.

    The release casts the [-1, 1] training tensor to 8 bits, so that CLIP sees a nearly black picture whatever the
    painting is. Only needed to apply such a style.
    """
    seen = image.clamp(-1, 1).to(torch.int8).to(torch.uint8).to(torch.float32) / 127.5 - 1
    return clip.embed_images(seen).unsqueeze(1).float()

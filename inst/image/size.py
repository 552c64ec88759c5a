"""Resizing, and padding to a multiple of a model's size factor that can be undone exactly."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.shapes import Image

Resized = Float[Tensor, "b 3 new_h new_w"]
"""An image whose height and width differ from those of the argument."""


@dataclass(frozen=True)
class Restore:
    """What :func:`restore` needs to undo :func:`fit`; all values in pixels.

    Attributes:
        height, width: size before :func:`fit`.
        inner_height, inner_width: size after scaling, before padding.
        top, left: padding added at the top and at the left.
        fitted: height and width after padding.
    """

    height: int
    width: int
    inner_height: int
    inner_width: int
    top: int
    left: int
    fitted: tuple[int, int]


def resize(image: Image, height: int, width: int) -> Resized:
    """Resize with antialiased bicubic interpolation, as Pillow's, and clamp the overshoot to [-1, 1].

    Args:
        image: (b, 3, h, w) in [-1, 1]; returned unchanged if it already has the size.
        height, width: in pixels.

    >>> import torch
    >>> resize(torch.zeros(1, 3, 64, 96), 32, 48).shape
    torch.Size([1, 3, 32, 48])
    """
    if image.shape[-2:] == (height, width):
        return image
    resized = functional.interpolate(
        image.float(), size=(height, width), mode="bicubic", antialias=True, align_corners=False
    )
    return resized.clamp(-1, 1).to(image.dtype)


def fit(image: Image, short_side: int, multiple: int) -> tuple[Resized, Restore]:
    """Scale the short side to ``short_side``, keeping the aspect ratio, and pad both sides to a multiple.

    The image is padded by reflection, because a border of constant colour would influence the model's result.

    Args:
        image: (b, 3, h, w) in [-1, 1].
        short_side: in pixels.
        multiple: what height and width are made divisible by.

    Returns:
        The fitted image, and what :func:`restore` needs to undo the operation.

    >>> import torch
    >>> fitted, steps = fit(torch.zeros(1, 3, 100, 150), short_side=64, multiple=32)
    >>> fitted.shape, restore(fitted, steps).shape
    (torch.Size([1, 3, 64, 96]), torch.Size([1, 3, 100, 150]))
    """
    height, width = image.shape[-2:]
    scale = short_side / min(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    missing = -inner_height % multiple, -inner_width % multiple
    top, left = missing[0] // 2, missing[1] // 2
    inner = resize(image, inner_height, inner_width)
    padding = (left, missing[1] - left, top, missing[0] - top)
    mirrors = max(padding[:2]) < inner_width and max(padding[2:]) < inner_height
    fitted = functional.pad(inner, padding, mode="reflect" if mirrors else "replicate")
    steps = Restore(height, width, inner_height, inner_width, top, left, (fitted.shape[-2], fitted.shape[-1]))
    return fitted, steps


def restore(image: Image, steps: Restore) -> Resized:
    """Undo :func:`fit` on an image of the fitted size: crop the padding and scale to the original size.

    Raises:
        ValueError: the image does not have the fitted size.
    """
    if tuple(image.shape[-2:]) != steps.fitted:
        raise ValueError(f"fitted to {steps.fitted}, got {tuple(image.shape[-2:])}")
    rows = slice(steps.top, steps.top + steps.inner_height)
    columns = slice(steps.left, steps.left + steps.inner_width)
    return resize(image[..., rows, columns], steps.height, steps.width)

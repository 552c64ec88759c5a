"""Resizing, and the padding that a model's factor asks for, with the way back to the input's exact size."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.shapes import Image

Resized = Float[Tensor, "b 3 new_h new_w"]
"""An Image of another size than the one that was given."""


@dataclass(frozen=True)
class Restore:
    """How ``fit`` changed a picture: its size before (height, width), between, and the padding it then got."""

    height: int
    width: int
    inner_height: int
    inner_width: int
    top: int
    left: int
    fitted: tuple[int, int]


def resize(image: Image, height: int, width: int) -> Resized:
    """Bicubic with antialiasing (as Pillow's); overshoot is clamped to [-1, 1]. The same size returns it as it is."""
    if image.shape[-2:] == (height, width):
        return image
    resized = functional.interpolate(
        image.float(), size=(height, width), mode="bicubic", antialias=True, align_corners=False
    )
    return resized.clamp(-1, 1).to(image.dtype)


def fit(image: Image, short_side: int, multiple: int) -> tuple[Resized, Restore]:
    """Scales so that the short side is ``short_side``, the aspect ratio kept, and pads both sides to ``multiple``.

    The padding mirrors the picture: a border of one colour would show in the result.

    Returns:
        The fitted picture, and what ``restore`` needs.
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
    """A picture of the fitted size back to the size it had before ``fit``: cropped, then scaled."""
    if tuple(image.shape[-2:]) != steps.fitted:
        raise ValueError(f"fitted to {steps.fitted}, got {tuple(image.shape[-2:])}")
    rows = slice(steps.top, steps.top + steps.inner_height)
    columns = slice(steps.left, steps.left + steps.inner_width)
    return resize(image[..., rows, columns], steps.height, steps.width)

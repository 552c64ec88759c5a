"""Rows and grids of images with labels, for previews, reports and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import PIL.Image
import torch
from PIL import ImageDraw, ImageFont
from torch import Tensor

from inst.image.convert import from_pil
from inst.image.size import resize
from inst.shapes import Image

_GAP = 8  # Pixels of white between images.


def side_by_side(images: Sequence[Tensor], labels: Sequence[str] = ()) -> Image:
    """A row of images, all resized to the height of the first one.

    Args:
        images: (1, 3, h, w) in [-1, 1], of any sizes.
        labels: texts below the images, one each; none by default.

    Returns:
        (1, 3, h', w') in [-1, 1], with 8 px of white between the images.

    Raises:
        ValueError: no images, or a different number of labels than images.

    >>> side_by_side([torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 32, 64)]).shape
    torch.Size([1, 3, 64, 200])
    """
    if not images or (labels and len(labels) != len(images)):
        raise ValueError(f"{len(images)} images with {len(labels)} labels: give at least one image, and one label each")
    height = images[0].shape[-2]
    row = [resize(image, height, max(1, round(image.shape[-1] * height / image.shape[-2]))) for image in images]
    if labels:
        size = max(12, height // 20)
        row = [
            torch.cat([image, label(text, image.shape[-1], size * 3 // 2, size)], 2)
            for image, text in zip(row, labels, strict=True)
        ]
    return _concatenate(row, 3)


def grid(rows: Sequence[Sequence[Tensor]], labels: Sequence[str] = ()) -> Image:
    """Rows of images, all resized to the width of the first row.

    Args:
        rows: the images of each row, as :func:`side_by_side` takes them.
        labels: texts below the images of the last row, one each; none by default.

    Returns:
        (1, 3, h', w') in [-1, 1], with 8 px of white between the images.

    Raises:
        ValueError: no rows, an empty row, or a different number of labels than images in the last row.

    >>> grid([[torch.zeros(1, 3, 64, 64)] * 2] * 3).shape
    torch.Size([1, 3, 208, 136])
    """
    if not rows:
        raise ValueError("a grid needs at least one row")
    joined = [side_by_side(row, labels if index == len(rows) - 1 else ()) for index, row in enumerate(rows)]
    width = joined[0].shape[-1]
    resized = [resize(row, max(1, round(row.shape[-2] * width / row.shape[-1])), width) for row in joined]
    return _concatenate(resized, 2)


def _concatenate(images: Sequence[Tensor], axis: int) -> Image:
    """Concatenate images along an axis, with white between them."""
    first = images[0].float().cpu()
    shape = list(first.shape)
    shape[axis] = _GAP
    pieces = [first]
    for image in images[1:]:
        pieces += [torch.ones(shape), image.float().cpu()]
    return torch.cat(pieces, axis)


def label(text: str, width: int, height: int, size: int = 12) -> Image:
    """Black text on white, centred.

    Args:
        text: one line.
        width, height: of the returned image in pixels.
        size: font size in pixels.

    Returns:
        (1, 3, height, width) in [-1, 1].
    """
    band = PIL.Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(size)
    ImageDraw.Draw(band).text((width / 2, height / 2), text, fill="black", font=font, anchor="mm")
    return from_pil(band)

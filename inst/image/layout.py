"""Pictures beside each other, with words under them: previews, reports, before and after."""

from __future__ import annotations

from collections.abc import Sequence

import PIL.Image
import torch
from PIL import ImageDraw, ImageFont
from torch import Tensor

from inst.image.convert import from_pil
from inst.image.size import resize
from inst.shapes import Image

_GAP = 8  # pixels of white between pictures


def side_by_side(images: Sequence[Tensor], labels: Sequence[str] = ()) -> Image:
    """One row of pictures (1, 3, h, w) of any sizes, all at the first one's height, labels under them where given."""
    if not images or (labels and len(labels) != len(images)):
        raise ValueError(f"{len(images)} pictures with {len(labels)} labels")
    height = images[0].shape[-2]
    row = [resize(image, height, max(1, round(image.shape[-1] * height / image.shape[-2]))) for image in images]
    if labels:
        size = max(12, height // 20)
        row = [
            torch.cat([image, label(text, image.shape[-1], size * 3 // 2, size)], 2)
            for image, text in zip(row, labels, strict=True)
        ]
    return _joined(row, 3)


def grid(rows: Sequence[Sequence[Tensor]], labels: Sequence[str] = ()) -> Image:
    """Rows of pictures, all at the width of the first row, with labels under the last row's pictures."""
    if not rows:
        raise ValueError("no rows")
    made = [side_by_side(row, labels if index == len(rows) - 1 else ()) for index, row in enumerate(rows)]
    width = made[0].shape[-1]
    same = [resize(row, max(1, round(row.shape[-2] * width / row.shape[-1])), width) for row in made]
    return _joined(same, 2)


def _joined(images: Sequence[Tensor], axis: int) -> Image:
    first = images[0].float().cpu()
    shape = list(first.shape)
    shape[axis] = _GAP
    pieces = [first]
    for image in images[1:]:
        pieces += [torch.ones(shape), image.float().cpu()]
    return torch.cat(pieces, axis)


def label(text: str, width: int, height: int, size: int = 12) -> Image:
    """Black words of a size in pixels in the middle of white."""
    band = PIL.Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(size)
    ImageDraw.Draw(band).text((width / 2, height / 2), text, fill="black", font=font, anchor="mm")
    return from_pil(band)

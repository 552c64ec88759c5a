"""Contact sheets of `benchmarks.gan_edits`: a row of unedited avatars and a row for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from inst.image import grid, resize, side_by_side, write_image
from inst.image.layout import label
from inst.shapes import Image

NUM_SHOWN, SCALE, COLUMNS = 8, 2, 8
"""Avatars a sheet, magnification, and edits in a row of the sheet of all edits."""
LABEL_WIDTH = 110
INPUT = "input"
Sheet = Mapping[str, Image]
"""Images (b, 3, h, w) of the same avatars by method; `INPUT` first."""


def edit_sheet(sheet: Sheet) -> Image:
    """One edit: a column for each avatar, a row for `INPUT` and for each method."""
    return grid([_labelled(method, _enlarged(images)) for method, images in sheet.items()])


def compact_sheet(sheets: Mapping[str, Sheet]) -> Image:
    """All edits: a column for each, in blocks of `COLUMNS`, a row for each method; each column is another avatar."""
    enlarged = {name: {method: _enlarged(images) for method, images in sheet.items()} for name, sheet in sheets.items()}
    names, methods = list(enlarged), list(dict.fromkeys(method for sheet in enlarged.values() for method in sheet))
    blank = torch.ones_like(next(iter(next(iter(enlarged.values())).values()))[0])
    rows: list[list[Image]] = []
    for start in range(0, len(names), COLUMNS):
        block = names[start : start + COLUMNS]
        empty = COLUMNS - len(block) if len(names) > COLUMNS else 0
        for method in methods:
            columns = [enlarged[name].get(method, [blank]) for name in block]
            row = [images[(start + i) % len(images)] for i, images in enumerate(columns)] + [blank] * empty
            labels = ["", *block, *[""] * empty] if method == methods[-1] else ()
            rows.append([side_by_side(_labelled(method, row), labels)])
    return grid(rows)


def write_sheets(folder: Path, sheets: Mapping[str, Sheet]) -> None:
    """Write ``EDIT.png`` for each edit, and ``all.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        write_image(folder / f"{name.replace(' ', '-')}.png", edit_sheet(sheet))
    write_image(folder / "all.png", compact_sheet(sheets))


def _labelled(method: str, images: Sequence[Image]) -> list[Image]:
    return [label(method, LABEL_WIDTH, images[0].shape[-2]), *images]


def _enlarged(images: Image) -> list[Image]:
    height, width = (side * SCALE for side in images.shape[-2:])
    return list(resize(images, height, width).split(1))

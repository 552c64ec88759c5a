"""Contact sheets of `benchmarks.gan_edits`: a row of avatars as they were, and a row for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from inst.image import grid, resize, side_by_side, write_image
from inst.image.layout import label
from inst.shapes import Image

SHOWN, LARGER, ACROSS = 8, 2, 8
"""Avatars a sheet, how much larger than the generator draws them, attributes across in the sheet of all."""
NAME_WIDTH = 110
INPUT = "input"
Shown = Mapping[str, Image]
"""Pictures (b, 3, h, w) of the same avatars, by what made them; `INPUT` first."""


def attribute_sheet(shown: Shown) -> Image:
    """One attribute: avatars across, `INPUT` and methods down."""
    return grid([_named(maker, _pictures(pictures)) for maker, pictures in shown.items()])


def compact_sheet(shown: Mapping[str, Shown]) -> Image:
    """All attributes across, in blocks of `ACROSS`, `INPUT` and methods down; each on another avatar."""
    one = {name: {maker: _pictures(made) for maker, made in found.items()} for name, found in shown.items()}
    names, makers = list(one), list(dict.fromkeys(maker for found in one.values() for maker in found))
    blank = torch.ones_like(next(iter(next(iter(one.values())).values()))[0])
    rows: list[list[Image]] = []
    for start in range(0, len(names), ACROSS):
        block = names[start : start + ACROSS]
        empty = ACROSS - len(block) if len(names) > ACROSS else 0
        for maker in makers:
            made = [one[name].get(maker, [blank]) for name in block]
            row = [pictures[(start + i) % len(pictures)] for i, pictures in enumerate(made)] + [blank] * empty
            labels = ["", *block, *[""] * empty] if maker == makers[-1] else ()
            rows.append([side_by_side(_named(maker, row), labels)])
    return grid(rows)


def write_sheets(folder: Path, shown: Mapping[str, Shown]) -> None:
    """``ATTRIBUTE.png`` for each, and ``all.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in shown.items():
        write_image(folder / f"{name.replace(' ', '-')}.png", attribute_sheet(found))
    write_image(folder / "all.png", compact_sheet(shown))


def _named(maker: str, pictures: Sequence[Image]) -> list[Image]:
    return [label(maker, NAME_WIDTH, pictures[0].shape[-2]), *pictures]


def _pictures(pictures: Image) -> list[Image]:
    height, width = (side * LARGER for side in pictures.shape[-2:])
    return list(resize(pictures, height, width).split(1))

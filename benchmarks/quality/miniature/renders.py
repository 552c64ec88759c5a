"""What the miniature's report is measured on: contents, and the style engine's renderings of them.

From what a clone holds: scikit-image's photos and scenes drawn in code, under palettes of `style_images/`. With a
folder of one's own (`photos/` and `paintings/` in it): its pictures, the `val` split of a `metadata.csv` where there is
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from inst.errors import InputError
from inst.image import write_image
from inst.shapes import Image
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos
from miniature.diffusion.data.files import Record, load, scan, square
from miniature.diffusion.render import draw_manner, render
from miniature.painting.scenes import SCENES
from miniature.painting.styles import STYLES

Array = np.ndarray
NUM_CONTENTS = 20


@dataclass(frozen=True)
class Material:
    """Pictures to measure with, each (256, 256, 3) float32 RGB in [0, 1].

    Attributes:
        paintings: whose palettes the renderings take; with a folder of one's own, also the real paintings.
        own: whether they come from such a folder.
    """

    contents: list[Array]
    paintings: list[Array]
    own: bool

    def rendering(self, style: str, index: int, content: int | None = None) -> Array:
        """The ``index``-th content in the style, its parameters and palette drawn from (style, index).

        Args:
            content: another one to paint in that same manner.
        """
        rng = np.random.default_rng([sorted(STYLES).index(style), index])
        painting = self.paintings[int(rng.integers(len(self.paintings)))]
        manner = draw_manner(style, painting, rng)
        return render(self.contents[(index if content is None else content) % len(self.contents)], manner, rng)


def trained_styles() -> list[str]:
    """The styles that training saw."""
    return [name for name, style in STYLES.items() if not style.held]


def held_styles() -> list[str]:
    """The styles that it never saw."""
    return [name for name, style in STYLES.items() if style.held]


def gather(own: Path | None) -> Material:
    """The contents and paintings of a clone, or of a folder.

    Raises:
        InputError: the folder lacks ``photos/`` or ``paintings/``, or they hold no picture.
    """
    if own is None:
        photos = [square(_read(path), None) for path in packaged_photos()]
        drawn = [square(scene(np.random.default_rng(0)), None) for scene in SCENES.values()]
        paintings = [square(_read(path), None) for path in sorted(STYLE_IMAGES.glob("*.jpg"))]
        return Material((photos + drawn)[:NUM_CONTENTS], paintings, own=False)
    photos, paintings = (_held_back(own / name) for name in ("photos", "paintings"))
    pictures = [[square(_read(r.path), None) for r in _spread(records)] for records in (photos, paintings)]
    return Material(contents=pictures[0], paintings=pictures[1], own=True)


def write_pictures(folder: Path, pictures: Mapping[str, Array]) -> Path:
    """Every picture as a PNG of its name; what else lies in the folder goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for name, picture in pictures.items():
        write_image(folder / f"{name}.png", tensor(picture))
    return folder


def numbered(pictures: list[Array]) -> dict[str, Array]:
    """Names that keep their order."""
    return {f"{index:03d}": picture for index, picture in enumerate(pictures)}


def tensor(picture: Array) -> Image:
    """(h, w, 3) in [0, 1] to (1, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture, dtype=np.float32)).permute(2, 0, 1)[None] * 2 - 1


def _held_back(folder: Path) -> list[Record]:
    records = scan(folder) if folder.is_dir() else []
    if not records:
        raise InputError(f"{folder} holds no picture: DATA is a folder with photos/ and paintings/ in it")
    return [record for record in records if record.split == "val"] or records


def _spread(records: list[Record]) -> list[Record]:
    """So many of them, from the first to the last."""
    return [records[i] for i in sorted({i * len(records) // NUM_CONTENTS for i in range(NUM_CONTENTS)})]


def _read(path: Path) -> Array:
    image = load(path)
    if image is None:
        raise InputError(f"{path} cannot be read as a picture")
    return image

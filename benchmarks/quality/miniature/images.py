"""Test images of the report: contents, and procedural renderings of them.

By default from the repository: scikit-image's photos and scenes drawn in code, rendered with palettes of
`style_images/`. A folder given by the user has `photos/` and `paintings/` in it; if these have a `metadata.csv`, their
`val` split is used.
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
from miniature.diffusion.render import render, sample_variant
from miniature.painting.scenes import SCENES
from miniature.painting.styles import STYLES

Array = np.ndarray
NUM_CONTENTS = 20


@dataclass(frozen=True)
class TestImages:
    """Test images, each (256, 256, 3) float32 RGB in [0, 1].

    Attributes:
        paintings: the renderings use their palettes; if given by the user, they are also the real paintings.
        custom: whether the images were given by the user.
    """

    contents: list[Array]
    paintings: list[Array]
    custom: bool

    def rendering(self, style: str, index: int, content: int | None = None) -> Array:
        """The ``index``-th content in a style whose parameters and palette are sampled with the seed (style, index).

        Args:
            content: index of another content to render with the same parameters and palette.
        """
        rng = np.random.default_rng([sorted(STYLES).index(style), index])
        painting = self.paintings[int(rng.integers(len(self.paintings)))]
        variant = sample_variant(style, painting, rng)
        return render(self.contents[(index if content is None else content) % len(self.contents)], variant, rng)


def trained_styles() -> list[str]:
    """Styles that the model was trained on."""
    return [name for name, style in STYLES.items() if not style.held_out]


def held_out_styles() -> list[str]:
    """Styles held out from training."""
    return [name for name, style in STYLES.items() if style.held_out]


def load_images(folder: Path | None) -> TestImages:
    """Contents and paintings from the repository, or from a folder.

    Raises:
        InputError: ``photos/`` or ``paintings/`` is missing in the folder, or contains no pictures.
    """
    if folder is None:
        photos = [square(_read(path), None) for path in packaged_photos()]
        scenes = [square(scene(np.random.default_rng(0)), None) for scene in SCENES.values()]
        paintings = [square(_read(path), None) for path in sorted(STYLE_IMAGES.glob("*.jpg"))]
        return TestImages((photos + scenes)[:NUM_CONTENTS], paintings, custom=False)
    photos, paintings = (_validation_split(folder / name) for name in ("photos", "paintings"))
    pictures = [[square(_read(r.path), None) for r in _spread(records)] for records in (photos, paintings)]
    return TestImages(contents=pictures[0], paintings=pictures[1], custom=True)


def write_pictures(folder: Path, pictures: Mapping[str, Array]) -> Path:
    """Write every picture as ``name.png``; other PNG files in the folder are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for name, picture in pictures.items():
        write_image(folder / f"{name}.png", to_tensor(picture))
    return folder


def numbered(pictures: list[Array]) -> dict[str, Array]:
    """Number the pictures, so that file names sort in this order."""
    return {f"{index:03d}": picture for index, picture in enumerate(pictures)}


def to_tensor(picture: Array) -> Image:
    """(h, w, 3) in [0, 1] to (1, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture, dtype=np.float32)).permute(2, 0, 1)[None] * 2 - 1


def _validation_split(folder: Path) -> list[Record]:
    records = scan(folder) if folder.is_dir() else []
    if not records:
        raise InputError(f"{folder} contains no pictures: DATA must be a folder with photos/ and paintings/ in it")
    return [record for record in records if record.split == "val"] or records


def _spread(records: list[Record]) -> list[Record]:
    """`NUM_CONTENTS` of the records, evenly spaced."""
    return [records[i] for i in sorted({i * len(records) // NUM_CONTENTS for i in range(NUM_CONTENTS)})]


def _read(path: Path) -> Array:
    image = load(path)
    if image is None:
        raise InputError(f"{path} cannot be read as a picture")
    return image

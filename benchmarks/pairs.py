"""Photos and paintings to measure with: given folders, or what every clone and installation holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inst.errors import InputError
from inst.image import Picture, list_images, read_image, resize
from inst.shapes import Image

STYLE_IMAGES = Path(__file__).parent.parent / "style_images"
PACKAGED_PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
"""scikit-image's photos in colour that its wheel holds, all CC0 or public domain."""


@dataclass(frozen=True)
class Pair:
    """A photo and the painting whose manner it is to get."""

    index: int
    photo: Path
    painting: Path


def packaged_photos() -> list[Path]:
    """Photos that come with scikit-image."""
    from skimage import data

    folder = Path(data.__file__).parent
    return [folder / name for name in PACKAGED_PHOTOS if (folder / name).is_file()]


def make_pairs(photos: Path | None, paintings: Path | None, count: int) -> list[Pair]:
    """``count`` different pairs, fewer where there are not so many, every picture used about equally often.

    Raises:
        InputError: a folder without pictures.
    """
    left, right = _images(photos) if photos else packaged_photos(), _images(paintings or STYLE_IMAGES)
    # after every round of photos the paintings move on by one, so that no pair comes twice
    order = [(i % len(left), (i % len(left) + i // len(left)) % len(right)) for i in range(len(left) * len(right))]
    return [Pair(index, left[a], right[b]) for index, (a, b) in enumerate(order[:count])]


def _images(folder: Path) -> list[Path]:
    found = list_images(folder)
    if not found:
        raise InputError(f"{folder} holds no picture")
    return found


def read_photo(path: Path, side: int) -> Image:
    """The photo's central square at ``side`` pixels."""
    image = read_image(path, target=side).image
    height, width = image.shape[-2:]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return resize(image[..., top : top + short, left : left + short], side, side)


def read_painting(path: Path) -> Picture:
    """The painting as the product reads it."""
    return read_image(path)


def another_crop(image: Image) -> Image:
    """The lower right two thirds of a picture: what the painting itself scores."""
    height, width = image.shape[-2:]
    return image[..., height // 3 :, width // 3 :]

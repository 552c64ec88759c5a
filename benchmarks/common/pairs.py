"""Photos and paintings to measure with: given folders, or what every clone and installation holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inst.errors import InputError
from inst.image import Picture, list_images, read_image
from inst.shapes import Image
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos


@dataclass(frozen=True)
class Pair:
    """A photo and the painting whose manner it is to get."""

    index: int
    photo: Path
    painting: Path


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


def read_painting(path: Path) -> Picture:
    """The painting as the product reads it."""
    return read_image(path)


def another_crop(image: Image) -> Image:
    """The lower right two thirds of a picture: what the painting itself scores."""
    height, width = image.shape[-2:]
    return image[..., height // 3 :, width // 3 :]

"""Pairs of a photo and a painting: from given folders, or from what every clone and installation contains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inst.errors import InputError
from inst.image import Picture, list_images, read_image
from inst.shapes import Image
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos


@dataclass(frozen=True)
class Pair:
    """A photo and the painting whose style it is given."""

    index: int
    photo: Path
    painting: Path


def make_pairs(photos: Path | None, paintings: Path | None, count: int) -> list[Pair]:
    """``count`` distinct pairs (fewer if fewer exist) in which every picture is used about equally often.

    Raises:
        InputError: a folder contains no pictures.
    """
    left, right = _images(photos) if photos else packaged_photos(), _images(paintings or STYLE_IMAGES)
    # After each pass over the photos the paintings are shifted by one, so that no pair repeats.
    order = [(i % len(left), (i % len(left) + i // len(left)) % len(right)) for i in range(len(left) * len(right))]
    return [Pair(index, left[a], right[b]) for index, (a, b) in enumerate(order[:count])]


def _images(folder: Path) -> list[Path]:
    images = list_images(folder)
    if not images:
        raise InputError(f"{folder} contains no pictures")
    return images


def read_painting(path: Path) -> Picture:
    """The painting as the commands read it."""
    return read_image(path)


def another_crop(image: Image) -> Image:
    """The lower right two thirds of a painting, whose distances to it are a lower bound of what can be expected."""
    height, width = image.shape[-2:]
    return image[..., height // 3 :, width // 3 :]

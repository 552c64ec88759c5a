"""Pictures available in every clone and installation: `style_images/` and the photos of scikit-image."""

from __future__ import annotations

from pathlib import Path

from inst.image import read_image, resize
from inst.shapes import Image

STYLE_IMAGES = Path(__file__).parents[2] / "style_images"
PACKAGED_PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
"""The colour photos in scikit-image's wheel, all CC0 or public domain."""


def packaged_photos() -> list[Path]:
    """The photos that come with scikit-image."""
    from skimage import data

    folder = Path(data.__file__).parent
    return [folder / name for name in PACKAGED_PHOTOS if (folder / name).is_file()]


def read_photo(path: Path, side: int) -> Image:
    """The photo's central square, resized to ``side`` pixels."""
    image = read_image(path, target=side).image
    height, width = image.shape[-2:]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return resize(image[..., top : top + short, left : left + short], side, side)

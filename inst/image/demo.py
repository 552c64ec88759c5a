"""The photo of demonstrations and previews."""

from __future__ import annotations

from PIL import Image as PilImage


def demo_photo(short_side: int) -> PilImage.Image:
    """A cat (``chelsea`` of scikit-image, CC0).

    Args:
        short_side: in pixels.
    """
    from skimage import data

    photo = PilImage.fromarray(data.chelsea())
    scale = short_side / min(photo.size)
    width, height = (round(length * scale) for length in photo.size)
    return photo.resize((width, height), PilImage.Resampling.LANCZOS)

"""The photo that demonstrations and previews use: one that scikit-image ships in its package."""

from __future__ import annotations

from PIL import Image as PilImage


def demo_photo(short_side: int) -> PilImage.Image:
    """A cat (scikit-image's ``chelsea``, CC0), scaled to a short side in pixels."""
    from skimage import data

    photo = PilImage.fromarray(data.chelsea())
    scale = short_side / min(photo.size)
    width, height = (round(length * scale) for length in photo.size)
    return photo.resize((width, height), PilImage.Resampling.LANCZOS)

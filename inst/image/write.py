"""A tensor to a picture file, with the settings that made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inst.errors import InputError
from inst.files import replacing
from inst.image.convert import to_pil
from inst.image.text import exif_text, png_text
from inst.shapes import Image

_MAX_JPEG_EXIF = 65_000  # bytes; one JPEG segment holds no more


def write_image(path: Path, image: Image, *, text: Mapping[str, str] | None = None) -> None:
    """Writes one picture; the file's suffix says the format.

    Args:
        path: ends in .png (lossless), .jpg, .jpeg or .webp (quality 95).
        image: (1, 3, h, w) in [-1, 1].
        text: by key, such as ``parameters`` and ``inst``: PNG text chunks, EXIF in the others.

    Raises:
        InputError: another suffix, settings too long for JPEG, disk full and the like.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InputError(f"{path} cannot be written: pictures are written as .png, .jpg or .webp")
    picture = to_pil(image)
    if suffix == ".png":
        options = {"format": "PNG", "pnginfo": png_text(text or {})}
    else:
        exif = exif_text(text).tobytes() if text else b""
        if suffix != ".webp" and len(exif) > _MAX_JPEG_EXIF:
            raise InputError(f"the settings are too long for the JPEG {path}: write .png, or leave them out")
        kind = {"format": "WEBP"} if suffix == ".webp" else {"format": "JPEG", "subsampling": 0}
        options = {**kind, "quality": 95, **({"exif": exif} if exif else {})}
    with replacing(path) as temporary, temporary.open("wb") as file:
        picture.save(file, **options)

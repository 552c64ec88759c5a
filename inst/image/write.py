"""Writing images to picture files, together with the settings they were generated with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inst.errors import InputError
from inst.files import replacing
from inst.image.convert import to_pil
from inst.image.text import exif_text, png_text
from inst.shapes import Image

_MAX_JPEG_EXIF = 65_000  # Bytes. EXIF must fit into one JPEG segment.


def write_image(path: Path, image: Image, *, text: Mapping[str, str] | None = None) -> None:
    """Write one image to a picture file, atomically. The suffix of the path decides the format.

    Args:
        path: ends in ``.png`` (lossless), ``.jpg``, ``.jpeg`` or ``.webp`` (quality 95). Missing folders are created.
        image: (1, 3, h, w), sRGB in [-1, 1]; values outside are clamped.
        text: texts to store by key, such as ``parameters`` and ``inst``: in PNG text chunks, or in EXIF for the other
            formats.

    Raises:
        InputError: the suffix is not supported, the texts are too long for JPEG, or the file cannot be written.
        ValueError: a batch of more than one image.

    >>> import tempfile
    >>> import torch
    >>> write_image(Path(tempfile.mkdtemp()) / "black.png", torch.full((1, 3, 64, 64), -1.0))
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InputError(f"{path} cannot be written: supported formats are .png, .jpg and .webp")
    picture = to_pil(image)
    if suffix == ".png":
        options = {"format": "PNG", "pnginfo": png_text(text or {})}
    else:
        exif = exif_text(text).tobytes() if text else b""
        if suffix != ".webp" and len(exif) > _MAX_JPEG_EXIF:
            raise InputError(f"the settings are too long for the JPEG {path}: choose .png, or leave the settings out")
        kind = {"format": "WEBP"} if suffix == ".webp" else {"format": "JPEG", "subsampling": 0}
        options = {**kind, "quality": 95, **({"exif": exif} if exif else {})}
    with replacing(path) as temporary, temporary.open("wb") as file:
        picture.save(file, **options)

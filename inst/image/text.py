"""Generation settings stored in picture files as other tools expect them: PNG text chunks, EXIF in JPEG and WebP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import PIL.Image
from PIL import PngImagePlugin

from inst.image.read import explain_decoder_errors, open_picture

_EXIF_IFD, _USER_COMMENT, _DESCRIPTION = 0x8769, 0x9286, 0x010E
_UNICODE = b"UNICODE\0"


def png_text(text: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    """PNG text chunks: tEXt for ASCII values, which every reader supports, iTXt (UTF-8) for all others."""
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        if value.isascii() and "\0" not in value:
            chunks.add_text(key, value)
        else:
            chunks.add_itxt(key, value)
    return chunks


def exif_text(text: Mapping[str, str]) -> PIL.Image.Exif:
    """EXIF with ``parameters`` in UserComment, as A1111 does, and all other texts as JSON in ImageDescription."""
    exif = PIL.Image.Exif()
    if "parameters" in text:
        comment = _UNICODE + text["parameters"].encode("utf-16-be", "surrogatepass")
        exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = comment
    if others := {key: value for key, value in text.items() if key != "parameters"}:
        exif[_DESCRIPTION] = json.dumps(others)
    return exif


def read_image_text(path: Path) -> dict[str, str]:
    """The texts stored in a picture file by :func:`write_image` or by other tools; empty if there are none.

    Args:
        path: a picture file of a supported format.

    Raises:
        InputError: the file is missing, not a picture, or damaged.
    """
    with open_picture(path) as picture, explain_decoder_errors(path):
        if isinstance(picture, PngImagePlugin.PngImageFile):
            return {str(key): str(value) for key, value in picture.text.items()}
        return _from_exif(picture.getexif())


def _from_exif(exif: PIL.Image.Exif) -> dict[str, str]:
    text: dict[str, str] = {}
    comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if isinstance(comment, str):
        comment = comment.encode("latin-1", "replace")
    if isinstance(comment, bytes) and (parameters := _comment(comment)):
        text["parameters"] = parameters
    try:
        others = json.loads(str(exif.get(_DESCRIPTION, "")))
    except (ValueError, RecursionError):
        return text  # A description in plain text, for example from a camera.
    if isinstance(others, dict):
        text |= {key: value for key, value in others.items() if isinstance(value, str)}
    return text


def _comment(raw: bytes) -> str:
    if not raw.startswith(_UNICODE):
        return raw.removeprefix(b"ASCII\0\0\0").decode("utf-8", "replace").strip("\0")
    raw = raw[len(_UNICODE) :]
    # The standard does not specify the byte order. In big-endian text, as written here and by A1111, most zero bytes
    # are the first byte of a pair; in little-endian text, the second.
    is_little_endian = raw[1::2].count(0) > raw[::2].count(0)
    return raw.decode("utf-16-le" if is_little_endian else "utf-16-be", "replace")

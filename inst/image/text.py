"""Settings inside pictures, where other tools look for them: PNG text chunks, EXIF in JPEG and WebP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import PIL.Image
from PIL import PngImagePlugin

from inst.image.read import decoding, opened

_EXIF_IFD, _USER_COMMENT, _DESCRIPTION = 0x8769, 0x9286, 0x010E
_UNICODE = b"UNICODE\0"


def png_text(text: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    """tEXt for ASCII, which every reader knows, iTXt (UTF-8) for the rest."""
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        if value.isascii() and "\0" not in value:
            chunks.add_text(key, value)
        else:
            chunks.add_itxt(key, value)
    return chunks


def exif_text(text: Mapping[str, str]) -> PIL.Image.Exif:
    """``parameters`` as UserComment, as A1111 writes and reads it; the other texts as JSON in ImageDescription."""
    exif = PIL.Image.Exif()
    if "parameters" in text:
        comment = _UNICODE + text["parameters"].encode("utf-16-be", "surrogatepass")
        exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = comment
    if others := {key: value for key, value in text.items() if key != "parameters"}:
        exif[_DESCRIPTION] = json.dumps(others)
    return exif


def read_image_text(path: Path) -> dict[str, str]:
    """The texts in a picture, what ``write_image`` wrote and other tools' alike; empty where there is none.

    Raises:
        InputError: no picture, or a damaged one.
    """
    with opened(path) as picture, decoding(path):
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
    except ValueError:
        return text  # a description in words, from a camera
    if isinstance(others, dict):
        text |= {key: value for key, value in others.items() if isinstance(value, str)}
    return text


def _comment(raw: bytes) -> str:
    if not raw.startswith(_UNICODE):
        return raw.removeprefix(b"ASCII\0\0\0").decode("utf-8", "replace").strip("\0")
    raw = raw[len(_UNICODE) :]
    # The standard leaves the byte order open: zeros stand in front (big-endian, ours and A1111's) or behind.
    little = raw[1::2].count(0) > raw[::2].count(0)
    return raw.decode("utf-16-le" if little else "utf-16-be", "replace")

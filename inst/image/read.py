"""A picture file to a tensor, whatever its kind, and one sentence where that cannot be."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import PIL.Image
from PIL import BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from inst.errors import InputError
from inst.files import sha256, sniff
from inst.image.convert import WHITE, Matte, rgb_to_tensor, to_rgb
from inst.shapes import Image

# The classes themselves: PIL.Image.open would try 43 formats, and has a limit of its own that only a global changes.
_FORMATS: dict[str, Callable[[BinaryIO], PIL.Image.Image]] = {
    "png": PngImagePlugin.PngImageFile,
    "jpeg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "gif": GifImagePlugin.GifImageFile,
}
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
_ACCEPTED = "PNG, JPEG, WebP, BMP, TIFF and GIF pictures are read"
_DECODER_FAULTS = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, OverflowError,
    NotImplementedError, struct.error, zlib.error, PIL.Image.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A picture as it was read.

    Attributes:
        image: (1, 3, h, w), sRGB in [-1, 1].
        sha256: of the file's bytes.
        path: where it was read from.
        notes: what the user should know, such as "animated: the first of 12 frames".
        size: height and width in the file, upright; larger than ``image`` where it was read at a reduced scale.
    """

    image: Image
    sha256: str
    path: Path
    notes: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)


def read_image(
    path: Path,
    *,
    max_megapixels: float = 64.0,
    matte: Matte = WHITE,
    target: int | None = None,
    min_side: int = 64,
    max_ratio: float = 8.0,
) -> Picture:
    """A picture from a file: upright, 8-bit sRGB, without transparency, its first frame.

    Args:
        max_megapixels: larger ones are refused by their header, before anything is decoded.
        matte: the colour under transparent parts, 0–255.
        target: the short side that is wanted. A much larger picture is read at a reduced scale of at least twice that
            (in the decoder for JPEG), which saves memory and time.
        min_side: fewest pixels a side.
        max_ratio: longest side over shortest, at most.

    Raises:
        InputError: missing, no picture, of another kind, damaged, too large, too small or too long; one sentence.
    """
    with opened(path, max_megapixels) as picture:
        width, height = picture.size
        check_shape(path, width, height, min_side, max_ratio)
        with decoding(path):
            notes = _frame_notes(picture)
            if target is not None:
                picture.draft(None, _at_least(picture.size, 2 * target))  # type: ignore[arg-type]
            picture.load()
        try:
            rgb, more = to_rgb(_reduced(picture, target), matte)
        except InputError as error:
            raise InputError(f"{path} cannot be used: {error}") from error
        if rgb is not picture:
            picture.close()  # its pixels go now, before as many floats are made
        turned = (rgb.width > rgb.height) != (width > height)
        size = (width, height) if turned else (height, width)
        return Picture(rgb_to_tensor(rgb), sha256(path), path, notes + more, size)


@contextlib.contextmanager
def opened(path: Path, max_megapixels: float = 64.0) -> Iterator[PIL.Image.Image]:
    """A picture whose header was read and found small enough; nothing is decoded yet.

    Raises:
        InputError: missing, no picture of a kind that is read, header damaged, too large.
    """
    kind = sniff(path)
    if kind not in _FORMATS:
        raise InputError(f"{path} {_what_it_is(kind, path)}: {_ACCEPTED}")
    with path.open("rb") as file:
        with decoding(path):
            picture: PIL.Image.Image = _FORMATS[kind](file)
        with picture:
            _check_size(path, *picture.size, max_megapixels)
            yield picture


@contextlib.contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Around Pillow's decoders, which raise whatever the damage leads them into."""
    try:
        yield
    except _DECODER_FAULTS as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path} is a damaged, cut short or unusual picture ({reason}): save it anew") from error
    except MemoryError as error:
        raise InputError(f"{path} is too large for this machine's memory: make it smaller") from error


def _what_it_is(kind: str, path: Path) -> str:
    match kind:
        case "empty":
            return "is empty"
        case "html":
            return f"is a web page, not a picture, whatever its name {path.suffix or 'is'}"
        case "text":
            return "is text, not a picture"
        case "unknown":
            return "is not a picture of a kind that is read"
    return "is a model file, not a picture"


def _check_size(path: Path, width: int, height: int, max_megapixels: float) -> None:
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise InputError(
            f"{path} has {width}x{height} pixels ({megapixels:.0f} megapixels); up to {max_megapixels:g} are read: "
            "make it smaller, or raise max_megapixels"
        )


def check_shape(path: Path, width: int, height: int, min_side: int, max_ratio: float) -> None:
    """Refuse a picture that is too small, or too long for its width.

    Raises:
        InputError: naming its size and what is accepted.
    """
    if min(width, height) < min_side or max(width, height) > max_ratio * min(width, height):
        raise InputError(
            f"{path} is {width}x{height} pixels; accepted are at least {min_side} a side and at most {max_ratio:g}:1: "
            "enlarge or crop it"
        )


def _frame_notes(picture: PIL.Image.Image) -> tuple[str, ...]:
    frames = getattr(picture, "n_frames", 1)
    if frames <= 1:
        return ()
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        return (f"several pages: the first of {frames}",)
    return (f"animated: the first of {frames} frames",)


def _at_least(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """The size (width, height) scaled so that its short side is ``short_side``, for the JPEG decoder to stay above."""
    scale = min(1.0, short_side / min(size))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _reduced(picture: PIL.Image.Image, target: int | None) -> PIL.Image.Image:
    factor = min(picture.size) // (2 * target) if target else 1
    if factor < 2 or picture.mode in ("P", "PA") or picture.mode.startswith("I;16"):
        return picture
    smaller = (picture.convert("L") if picture.mode == "1" else picture).reduce(factor)
    smaller.info = dict(picture.info)
    return smaller


def list_images(folder: Path) -> list[Path]:
    """The pictures in a folder by name, hidden files and subfolders left out.

    A file counts by its name or its content: a web page called ``.jpg`` is listed, for reading it says what is wrong.

    Raises:
        InputError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    found = sorted(
        (p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".") and _is_picture(p)),
        key=lambda p: (p.name.casefold(), p.name),
    )
    if not found:
        raise InputError(f"{folder} holds no picture: {_ACCEPTED}")
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES or sniff(path) in _FORMATS

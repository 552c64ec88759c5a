"""Reading picture files of all supported formats, with a one-line error message if a file cannot be used."""

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

# The decoders are used directly: PIL.Image.open would try 43 formats, and its size limit can only be changed globally.
_FORMATS: dict[str, Callable[[BinaryIO], PIL.Image.Image]] = {
    "png": PngImagePlugin.PngImageFile,
    "jpeg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "gif": GifImagePlugin.GifImageFile,
}
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
_ACCEPTED = "supported formats are PNG, JPEG, WebP, BMP, TIFF and GIF"
_DECODER_FAULTS = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, OverflowError,
    NotImplementedError, struct.error, zlib.error, PIL.Image.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A picture that was read from a file or converted from another form.

    Attributes:
        image: (1, 3, h, w), sRGB in [-1, 1].
        sha256: SHA-256 of the file, in hexadecimal.
        path: the file.
        notes: remarks for the user, such as "animated: only the first of 12 frames is used".
        size: height and width of the picture in the file, after its EXIF orientation has been applied. They are larger
            than those of ``image`` if the picture was read at a reduced scale.
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
    """Read a picture file as sRGB, with its EXIF orientation and colour profile applied.

    Only the first frame of an animation is read.

    Args:
        path: a PNG, JPEG, WebP, BMP, TIFF or GIF file. Its content decides the format, not its name.
        max_megapixels: larger pictures are refused, from their header and before anything is decoded.
        matte: the RGB colour behind transparent areas, 0 to 255.
        target: the length in pixels to which the caller will resize the short side. A picture that is several times
            larger is read at a reduced scale, with a short side of at least twice ``target``, which saves memory and
            time (JPEG is reduced in the decoder).
        min_side: the smallest accepted side in pixels.
        max_ratio: the largest accepted ratio of the long side to the short side.

    Raises:
        InputError: the file is missing, not a picture, of an unsupported format, damaged, too large, too small or too
            elongated.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "photo.png"
    >>> PIL.Image.new("RGB", (96, 64), "white").save(path)
    >>> picture = read_image(path)
    >>> picture.image.shape, picture.image.max().item(), picture.size
    (torch.Size([1, 3, 64, 96]), 1.0, (64, 96))
    """
    with open_picture(path, max_megapixels) as picture:
        width, height = picture.size
        check_shape(path, width, height, min_side, max_ratio)
        with explain_decoder_errors(path):
            notes = _frame_notes(picture)
            if target is not None:
                picture.draft(None, _at_least(picture.size, 2 * target))  # type: ignore[arg-type]
            picture.load()
        try:
            rgb, more = to_rgb(_reduced(picture, target), matte)
        except InputError as error:
            raise InputError(f"{path} cannot be used: {error}") from error
        if rgb is not picture:
            picture.close()  # Frees the decoded pixels before the tensor is allocated.
        is_rotated = (rgb.width > rgb.height) != (width > height)
        size = (width, height) if is_rotated else (height, width)
        return Picture(rgb_to_tensor(rgb), sha256(path), path, notes + more, size)


@contextlib.contextmanager
def open_picture(path: Path, max_megapixels: float = 64.0) -> Iterator[PIL.Image.Image]:
    """A PIL image whose header has been read and whose size has been checked; its pixels are not decoded yet.

    Args:
        path: the file.
        max_megapixels: larger pictures are refused.

    Raises:
        InputError: the file is missing, not a picture of a supported format, too large, or its header is damaged.
    """
    kind = sniff(path)
    if kind not in _FORMATS:
        raise InputError(f"{path} {_describe(kind, path)}: {_ACCEPTED}")
    with path.open("rb") as file:
        with explain_decoder_errors(path):
            picture: PIL.Image.Image = _FORMATS[kind](file)
        with picture:
            _check_size(path, *picture.size, max_megapixels)
            yield picture


@contextlib.contextmanager
def explain_decoder_errors(path: Path) -> Iterator[None]:
    """Turn any exception of Pillow's decoders into an InputError about ``path``.

    Depending on the damage in a file, the decoders raise exceptions of many types.

    Raises:
        InputError: in place of a decoder's exception.
    """
    try:
        yield
    except _DECODER_FAULTS as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path} cannot be decoded, because it is damaged, truncated or of an unsupported variant ({reason}): "
            "export it again from an image editor"
        ) from error
    except MemoryError as error:
        raise InputError(f"{path} is too large for this machine's memory: scale it down") from error


def _describe(kind: str, path: Path) -> str:
    match kind:
        case "empty":
            return "is empty"
        case "html":
            return f"is a web page, not a picture, despite its name {path.name}"
        case "text":
            return "is text, not a picture"
        case "unknown":
            return "is of an unknown format"
    return "is a model file, not a picture"


def _check_size(path: Path, width: int, height: int, max_megapixels: float) -> None:
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise InputError(
            f"{path} has {width}x{height} pixels ({megapixels:.0f} megapixels), and at most {max_megapixels:g} "
            "megapixels are accepted: scale it down, or raise max_megapixels"
        )


def check_shape(path: Path, width: int, height: int, min_side: int, max_ratio: float) -> None:
    """Refuse a picture that is too small or too elongated.

    Raises:
        InputError: the message names its size and what is accepted.
    """
    if min(width, height) < min_side or max(width, height) > max_ratio * min(width, height):
        raise InputError(
            f"{path} has {width}x{height} pixels, but each side must have at least {min_side} and the ratio of the "
            f"sides may be at most {max_ratio:g}:1: enlarge or crop it"
        )


def _frame_notes(picture: PIL.Image.Image) -> tuple[str, ...]:
    frames = getattr(picture, "n_frames", 1)
    if frames <= 1:
        return ()
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        return (f"several pages: only the first of {frames} is used",)
    return (f"animated: only the first of {frames} frames is used",)


def _at_least(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """The size (width, height) scaled down to the given short side: a lower bound for the JPEG decoder's reduction."""
    scale = min(1.0, short_side / min(size))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _reduced(picture: PIL.Image.Image, target: int | None) -> PIL.Image.Image:
    """The picture reduced by an integer factor, such that its short side is still at least twice ``target``."""
    factor = min(picture.size) // (2 * target) if target else 1
    if factor < 2 or picture.mode in ("P", "PA") or picture.mode.startswith("I;16"):
        return picture
    smaller = (picture.convert("L") if picture.mode == "1" else picture).reduce(factor)
    smaller.info = dict(picture.info)
    return smaller


def list_images(folder: Path) -> list[Path]:
    """The pictures in a folder, sorted by name, without hidden files and subfolders.

    A file is listed if its name or its content is that of a picture. A web page named ``.jpg`` is therefore listed, and
    reading it explains what is wrong with it.

    Raises:
        InputError: the folder does not exist or contains no picture.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    pictures = sorted(
        (p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".") and _is_picture(p)),
        key=lambda p: (p.name.casefold(), p.name),
    )
    if not pictures:
        raise InputError(f"{folder} contains no picture: {_ACCEPTED}")
    return pictures


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES or sniff(path) in _FORMATS

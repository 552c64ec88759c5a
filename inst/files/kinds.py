"""Detection of file formats by content."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Literal

from inst.files.faults import explain_os_errors

Kind = Literal[
    "safetensors", "torch_zip", "torch_legacy_tar", "pickle", "png", "jpeg", "webp", "gif", "bmp", "tiff", "html",
    "text", "empty", "unknown",
]  # fmt: skip
_START = 4096


def sniff(path: Path) -> Kind:
    """The format of a file, from its first bytes; its name is not considered.

    Raises:
        InputError: the file is missing, is a folder, or cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "photo.jpg"
    >>> _ = path.write_text("<html>not found</html>")
    >>> sniff(path)
    'html'
    """
    with explain_os_errors(path, "read"), path.open("rb") as file:
        start = file.read(_START)
        if start.startswith(b"PK\x03\x04"):
            return "torch_zip" if _holds_torch_zip(file.read(65536), start) else "unknown"
    return _kind_of(start)


def _holds_torch_zip(more: bytes, start: bytes) -> bool:
    return b"/data.pkl" in start or b"data.pkl" in start or b"/data.pkl" in more


def _kind_of(start: bytes) -> Kind:
    if not start:
        return "empty"
    magics: tuple[tuple[bytes, Kind], ...] = (
        (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
        (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"), (b"MM\0+", "tiff"),
    )  # fmt: skip
    for magic, kind in magics:
        if start.startswith(magic):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[:2] == b"BM" and start[6:10] == b"\0\0\0\0":
        return "bmp"
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "pickle"
    if start[257:262] == b"ustar":
        return "torch_legacy_tar"
    # safetensors begins with the header length as a little-endian 64-bit integer. Below 1 TB its upper bytes are zero.
    if start[5:9] == b"\0\0\0{":
        return "safetensors"
    return _kind_of_text(start)


def _kind_of_text(start: bytes) -> Kind:
    try:
        # The last character may be incomplete, because only the start of the file was read.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start, final=len(start) < _START)
    except UnicodeDecodeError:
        return "unknown"
    if any(ord(c) < 32 and c not in "\t\r\n\f\x1b" for c in text):
        return "unknown"
    return "html" if text.lstrip().lower().startswith(("<!doctype html", "<html", "<head", "<body")) else "text"


def describe_kind(kind: Kind) -> str:
    """A format in words, for error messages that begin "is not …, but"."""
    words = {
        "torch_zip": "a torch file", "torch_legacy_tar": "an old torch file", "pickle": "a pickle",
        "html": "a web page", "text": "text", "empty": "empty", "unknown": "of an unknown format",
        "safetensors": "a safetensors file",
    }  # fmt: skip
    return words.get(kind, f"a picture ({kind.upper()})")

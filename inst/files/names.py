"""Names that files, prompts and other tools accept."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

MAX_NAME_BYTES = 200
"""File systems allow 255 bytes; the rest is reserved for the temporary names that are used while writing."""
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{i}" for name in ("com", "lpt") for i in range(1, 10))}
"""Names that Windows reserves for devices."""


def safe_name(text: str, default: str = "style") -> str:
    """A file name made from a text: only letters and digits of any script, ``_`` and ``-``, and not too long.

    Args:
        text: any text.
        default: the name of a text that has none of these characters.

    >>> safe_name("Starry Night!"), safe_name("星空.png"), safe_name("[C]")
    ('Starry_Night', '星空_png', 'C')
    """
    name = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFC", text)).strip("_") or default
    return shortened(f"{name}_" if name.lower() in _RESERVED else name)


def shortened(name: str, max_bytes: int = MAX_NAME_BYTES) -> str:
    """A file name truncated to a number of bytes, with its suffix.

    A truncated name gets a hash of the full name, so that different long names remain different.

    >>> shortened("photo.png"), len(shortened("照" * 200 + ".png").encode()) <= MAX_NAME_BYTES
    ('photo.png', True)
    """
    if len(name.encode()) <= max_bytes:
        return name
    suffix = Path(name).suffix if len(Path(name).suffix) <= 16 else ""
    mark = "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    room = max_bytes - len((mark + suffix).encode())
    stem = name.removesuffix(suffix).encode()[:room].decode(errors="ignore")
    return f"{stem}{mark}{suffix}"


def is_file(path: Path | str) -> bool:
    """Whether a file of that name exists; false, and no error, for what cannot be a file's name at all."""
    return os.path.isfile(path)  # noqa: PTH113  (Path.is_file raises for names that are too long)


def is_folder(path: Path | str) -> bool:
    """Whether a folder of that name exists; false, and no error, for what cannot be a folder's name at all."""
    return os.path.isdir(path)  # noqa: PTH112


def folded(name: str) -> str:
    """What names that some file system takes for the same have in common: case and Unicode form are folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

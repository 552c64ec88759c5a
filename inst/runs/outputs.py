"""Where results go: nothing that is there is written over unless that was asked for."""

from __future__ import annotations

import re
from pathlib import Path

from inst.errors import InputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def safe_name(text: str) -> str:
    """Letters, digits, ``_`` and ``-``: a name that files, prompts and other tools take."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "style"


def free_path(path: Path) -> Path:
    """The path, or the next with a number that is not taken: ``photo-2.png``."""
    number, candidate = 2, path
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return candidate


def claim(path: Path, overwrite: bool) -> Path:
    """A path that was named by the user and may be written.

    Raises:
        InputError: something is there already.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} is there already: give another --output, or --overwrite to replace it")
    return path


def is_picture_path(path: Path) -> bool:
    """Whether an --output names a picture; anything else names a folder.

    Raises:
        InputError: a file ending that no picture has.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES and not path.is_dir():
        return True
    if suffix and not path.is_dir() and re.fullmatch(r"\.[a-z]{2,5}", suffix):
        raise InputError(f"--output {path} ends in {suffix}: give a folder, or a file ending in .png, .jpg or .webp")
    return False

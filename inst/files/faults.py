"""Operating system errors, turned into one-line messages for the user."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from inst.errors import InputError


@contextlib.contextmanager
def explain_os_errors(path: Path, verb: Literal["read", "write"]) -> Iterator[None]:
    """Turn an OSError raised in the block into an InputError that names ``path`` and says what to do.

    With ``write``, an error about a file in another folder is unrelated to ``path`` and is raised unchanged.

    Args:
        path: the file that the block reads or writes.
        verb: what the block does with it.

    Raises:
        InputError: in place of an OSError about ``path``.
    """
    try:
        yield
    except OSError as error:
        if verb == "write" and isinstance(error.filename, str) and not _is_about(error.filename, path):
            raise
        raise InputError(_sentence(error, path, verb)) from error


def _is_about(name: str, path: Path) -> bool:
    target = Path(os.path.realpath(path))
    return (
        Path(name) == path
        or Path(os.path.realpath(name)) in (target, *target.parents)
        or (Path(os.path.realpath(name)).parent == target.parent)
    )


def _sentence(error: OSError, path: Path, verb: str) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space left to write {path}: free some or choose another folder. An existing file is unchanged"
        case errno.EROFS:
            return f"{path} cannot be written: the file system is read-only. Choose another folder"
        case errno.EACCES | errno.EPERM:
            return f"{path} cannot be {'read' if verb == 'read' else 'written'}: permission denied"
        case errno.ENOENT if verb == "write":
            return f"{path} cannot be written: its folder does not exist or cannot be created"
        case errno.ENOENT:
            return f"there is no file {path}"
        case errno.EISDIR:
            return f"{path} is a folder, not a file"
        case errno.ENOTDIR | errno.EEXIST:
            return (
                f"{path} cannot be {'read' if verb == 'read' else 'written'}: part of its path is a file, not a folder"
            )
        case errno.ENAMETOOLONG:
            return f"{path.name[:40]}… is too long for a file name"
    return f"{path} cannot be {'read' if verb == 'read' else 'written'}: {error.strerror or one_line(error)}"


def refuse_larger(path: Path, limit: int) -> None:
    """Check the size of a file in bytes before it is read.

    Raises:
        InputError: the file is larger than ``limit``.
    """
    if (size := path.stat().st_size) > limit:
        raise InputError(f"{path} is too large ({format_size(size)}): at most {format_size(limit)} are accepted")


def format_size(count: int) -> str:
    """A number of bytes with a binary unit.

    >>> format_size(3 * 2**20)
    '3 MiB'
    """
    power = min(int(math.log(max(count, 1), 1024)), 4)
    return f"{count / 1024**power:.3g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def one_line(error: Exception) -> str:
    """The message of an exception on one line, at most 200 characters."""
    return " ".join(str(error).split())[:200]

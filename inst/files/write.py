"""Atomic writing: if the process is killed, the file has either all of its old content or all of its new content."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from inst.files.faults import explain_os_errors


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file in the folder of ``path`` that replaces ``path`` if the block succeeds and is deleted otherwise.

    After a kill or a power failure, ``path`` has either all of its old content or all of its new content. Missing
    folders are created. If ``path`` is a symbolic link, the file that it points to is replaced.

    Raises:
        InputError: the disk is full, the folder is read-only, or another OSError occurs anywhere in the block.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "result.txt"
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("complete")
    >>> path.read_text()
    'complete'
    """
    with explain_os_errors(path, "write"):
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
        try:
            # Created immediately, so that a read-only folder is detected before the work in the block.
            temporary.touch(exist_ok=False)
            yield temporary
            _flush_to_disk(temporary)
            os.replace(temporary, target)  # noqa: PTH105
            _flush_folder(target.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Flush the rename to disk. Windows and some file systems do not support this, which is ignored."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

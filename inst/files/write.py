"""Writing so that a kill leaves all of the old or all of the new."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from inst.files.faults import explained


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends well, and vanishes when it does not.

    After a kill or a power cut ``path`` holds all of the old or all of the new. A missing folder is made; a link stays
    a link.

    Raises:
        InputError: disk full, read-only folder and the like, from anywhere in the block.
    """
    with explained(path, "write"):
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
        try:
            # Made at once, so that a read-only folder shows before the work does.
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
    """The rename itself to disk. Not every file system or Windows can; what it can, replace() has done."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

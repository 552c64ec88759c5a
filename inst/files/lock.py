"""One run at a time in a folder, by the operating system's lock: it ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from inst.errors import InputError
from inst.files.faults import explain_os_errors


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a folder (or any file's name) for this process while the block runs.

    Who holds it stands in a small file with host and process: ``.lock`` inside a folder, else ``path`` itself. The lock
    is on a file beside that one, ``.guard``, and both go when the block ends. What a killed process leaves behind is
    taken over. Only the file of another host stands: not every network file system shares its locks between hosts.

    Raises:
        InputError: another run holds it, named by host and process where that is known.
    """
    record = path / ".lock" if path.is_dir() else path
    guard = FileLock(record.with_name(f"{record.name}.guard"), timeout=0)
    with explain_os_errors(record, "write"):
        record.parent.mkdir(parents=True, exist_ok=True)
        try:
            guard.acquire()
        except Timeout:
            raise _held(record) from None
    try:
        _claim(record)
        try:
            yield
        finally:
            _remove(record)
    finally:
        # Removed while it is held: filelock takes no lock on a file that is gone.
        _remove(Path(guard.lock_file))
        guard.release()


def _claim(record: Path) -> None:
    holder = _holder(record)
    if holder is not None and holder[0] != socket.gethostname():
        raise _held(record)
    with explain_os_errors(record, "write"):
        record.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}), encoding="utf-8")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _holder(record: Path) -> tuple[str, int] | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8", errors="replace"))
        return str(found["host"]), int(found["pid"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _held(record: Path) -> InputError:
    holder = _holder(record)
    who = f"process {holder[1]} on {holder[0]}" if holder else "another run"
    gone = f" (if that run is gone, delete {record})" if holder and holder[0] != socket.gethostname() else ""
    return InputError(f"{record.parent} is in use by {who}: wait for it or choose another folder{gone}")

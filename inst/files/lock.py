"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from inst.errors import InputError
from inst.files.faults import explain_os_errors

_WRITING_SECONDS = 10.0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a folder (or any file's name) for this process while the block runs.

    The lock is a small file with host, process and its start: ``.lock`` inside a folder, else ``path`` itself. One left
    by a process of this host that is gone is taken over; one of another host cannot be judged and stands.

    Raises:
        InputError: another run holds it, named by host and process.
    """
    lock = path / ".lock" if path.is_dir() else path
    with explain_os_errors(lock, "write"):
        lock.parent.mkdir(parents=True, exist_ok=True)
        mine = _identity(os.getpid())
        if not _created(lock, mine):
            _remove_if_stale(lock)
            if not _created(lock, mine):
                raise _held(lock, _content(lock))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if _content(lock) == mine:
                lock.unlink()


def _identity(pid: int) -> str:
    return json.dumps({"host": socket.gethostname(), "pid": pid, "started": _start_of(pid)})


def _start_of(pid: int) -> int | None:
    """Clock ticks from boot to the process's start (Linux): tells it from a later one of the same number."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _created(lock: Path, content: str) -> bool:
    try:
        with lock.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def _content(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _remove_if_stale(lock: Path) -> None:
    """Moves a dead run's lock away first, so that of two runs that find it only one can go on."""
    judged = _content(lock)
    if not _is_stale(lock, judged):
        raise _held(lock, judged)
    aside = lock.with_name(f"{lock.name}.{secrets.token_hex(6)}")
    with contextlib.suppress(FileNotFoundError):
        lock.rename(aside)
        if _content(aside) != judged:  # another run was quicker: this is its new lock
            aside.replace(lock)
            raise _held(lock, _content(lock))
        aside.unlink()


def _is_stale(lock: Path, content: str) -> bool:
    holder = _parsed(content)
    if holder is None:  # just being written, or its writer was killed in that instant
        with contextlib.suppress(FileNotFoundError):
            return time.time() - lock.stat().st_mtime > _WRITING_SECONDS
        return False
    host, pid, started = holder
    if host != socket.gethostname():
        return False
    now = _start_of(pid)
    return not _is_alive(pid) or (started is not None and now is not None and started != now)


def _parsed(content: str) -> tuple[str, int, int | None] | None:
    try:
        data = json.loads(content)
        return str(data["host"]), int(data["pid"]), data.get("started")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _held(lock: Path, content: str) -> InputError:
    holder = _parsed(content)
    who = f"process {holder[1]} on {holder[0]}" if holder else "another run"
    return InputError(
        f"{lock.parent} is in use by {who}: wait for it or choose another folder (if that run is gone, delete {lock})"
    )

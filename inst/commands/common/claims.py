"""Output files are claimed before the work begins, and belong to this run until it ends.

A claim is a small lock file beside the output, held by the operating system for this process: it vanishes with the
process, whatever ends that. While it is held, no other run of inst takes the same name, so that nothing is overwritten
that was not there when the run began.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from inst.errors import InputError
from inst.files.faults import explain_os_errors
from inst.names import folded, shortened


class Claims:
    """The outputs of one run; a context manager, which gives them up at its end.

    Args:
        inputs: files that the run reads, which are never written to.
        overwrite: replace what is there already.
    """

    def __init__(self, inputs: Iterable[Path | str] = (), *, overwrite: bool = False) -> None:
        self.overwrite = overwrite
        self._inputs = {os.path.realpath(path) for path in inputs}
        self._locks: dict[str, FileLock] = {}
        self._folders: list[Path] = []

    def __enter__(self) -> Claims:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for lock in self._locks.values():
            _release(lock)
        self._locks.clear()
        _remove_empty(self._folders)  # what was made for a run that wrote nothing

    def exact(self, path: Path, *, replace: bool = False) -> Path:
        """Claim a name that the user gave.

        Args:
            replace: the file may be replaced, as that of a run which is resumed.

        Raises:
            InputError: it exists, is an input of this run, belongs to another run, or cannot be written.
        """
        check_output(path, self._inputs, overwrite=True)
        if not self._take(path):
            owner = "another output of this run" if self._key(path) in self._locks else "another run, which writes it"
            raise InputError(f"{path} belongs to {owner}: give another --output")
        if path.exists() and not (self.overwrite or replace):
            self._give_back(path)
            raise InputError(f"{path} is there already: give another --output, or --overwrite to replace it")
        return path

    def free(self, path: Path) -> Path:
        """Claim a name, or the next one with a number that is free: ``photo-2.png``.

        Raises:
            InputError: the place cannot be written.
        """
        path = path.with_name(shortened(path.name))
        number, candidate = 2, path
        while not self._is_free(candidate):
            candidate = path.with_name(shortened(f"{path.stem}-{number}{path.suffix}"))
            number += 1
        return candidate

    def has(self, path: Path) -> bool:
        """Whether this run has claimed a name, or one that a file system may take for the same."""
        return self._key(path) in self._locks

    def _is_free(self, path: Path) -> bool:
        if os.path.realpath(path) in self._inputs or (path.exists() and not self.overwrite) or path.is_dir():
            return False
        if not self._take(path):
            return False
        if path.exists() and not self.overwrite:  # written between the look and the claim
            self._give_back(path)
            return False
        return True

    def _take(self, path: Path) -> bool:
        """Make the folder and hold the lock; false where it is taken. Shows that the place can be written to."""
        key = self._key(path)
        if key in self._locks:
            return False
        with explain_os_errors(path, "write"):
            self._folders += _make_folder(path.parent)
            if len(os.fsencode(path.name)) > 255:
                raise InputError(f"the name {path.name[:40]}… is too long for a file: give a shorter --output")
            lock = FileLock(path.parent / f".{hashlib.sha256(key.encode()).hexdigest()[:16]}.claim")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return False
        self._locks[key] = lock
        return True

    def _give_back(self, path: Path) -> None:
        _release(self._locks.pop(self._key(path)))

    @staticmethod
    def _key(path: Path) -> str:
        return f"{os.path.realpath(path.parent)}/{folded(path.name)}"


def check_output(path: Path, inputs: Iterable[Path | str] = (), *, overwrite: bool, replace: bool = False) -> Path:
    """Check an output whose run holds a lock of its own, shared by several processes.

    Args:
        inputs, overwrite, replace: as for :class:`Claims` and :meth:`Claims.exact`.

    Raises:
        InputError: it exists, is an input of the run, or cannot be written.
    """
    with explain_os_errors(path, "write"):
        if path.is_dir():
            raise InputError(f"{path} is a folder: give the name of a file")
        if os.path.realpath(path) in {os.path.realpath(one) for one in inputs}:
            raise InputError(f"{path} is read by this run and is never written to: give another --output")
        if path.exists() and not (overwrite or replace):
            raise InputError(f"{path} is there already: give another --output, or --overwrite to replace it")
        made = _make_folder(path.parent)
        probe = path.parent / f".{secrets.token_hex(8)}.probe"
        try:
            probe.touch(exist_ok=False)
            probe.unlink()
        finally:
            _remove_empty(made)
    return path


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and what it lies in; returns those that were missing, the outermost first."""
    missing: list[Path] = []
    while not folder.exists():
        missing.insert(0, folder)
        folder = folder.parent
    for one in missing:
        one.mkdir(exist_ok=True)
    return missing


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in reversed(list(folders)):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _release(lock: FileLock) -> None:
    with contextlib.suppress(OSError):  # unlinked while it is held, so that nobody finds it free and half gone
        Path(lock.lock_file).unlink()
    lock.release()

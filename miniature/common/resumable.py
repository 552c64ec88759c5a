"""Long runs that write one file: each is made once, can be stopped by a signal, and is resumed by the same command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from inst.files import locked
from inst.training.progress import Step, with_bar
from inst.training.signals import stop_on_signals


@runtime_checkable
class StoppableStep(Step, Protocol):
    """A step of a run that can be stopped."""

    @property
    def stopped(self) -> bool: ...


AnyStoppableStep = TypeVar("AnyStoppableStep", bound=StoppableStep)


def checkpoint_of(path: Path) -> Path:
    """The file with the state of an unfinished run that will write ``path``."""
    return path.parent / ".unfinished" / f"{path.stem}.state"


def make_once(
    path: Path,
    steps: Callable[..., Iterator[AnyStoppableStep]],
    result: Callable[[AnyStoppableStep], Any],
    description: str,
) -> Path:
    """Make a file unless it is there and complete; an interrupted run is resumed.

    Args:
        path: the file.
        steps: the run; it takes ``checkpoint``, ``resume`` and ``should_stop``.
        result: what the run made, from its last step; it has a method ``save(path)``.
        description: stands before the progress bar.

    Returns:
        The path.

    Raises:
        SystemExit: a signal stopped the run; the exit code is that of the signal.
        InputError: another process makes the same file, or the checkpoint belongs to other settings.
    """
    checkpoint = checkpoint_of(path)
    if path.exists() and not checkpoint.exists():
        return path
    with locked(checkpoint.with_suffix(".lock")), stop_on_signals() as stop:
        run = steps(checkpoint=checkpoint, resume=True, should_stop=lambda: stop.asked)
        last = None
        for last in with_bar(run, description):  # noqa: B007  (the last one is used)
            pass
        assert last is not None
        if last.stopped:
            print(f"{path.name} was interrupted; run the same command again to resume", file=sys.stderr)
            raise SystemExit(stop.exit_code)
        result(last).save(path)
        checkpoint.unlink(missing_ok=True)
    return path

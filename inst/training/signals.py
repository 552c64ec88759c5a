"""Signals that stop a run in good order: it finishes its step, saves what it has, and exits with the signal's code."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

_SAME_SIGNAL_SECONDS = 1.0
"""Signals that arrive within this time count as one: Ctrl-C reaches a launcher's children twice."""
_LAUNCHERS = {
    "torchrun",
    "torch.distributed.run",
    "torch.distributed.launch",
    "accelerate",
    "accelerate-launch",
    "accelerate.commands.launch",
    "accelerate.commands.accelerate_cli",
}
"""Programs, and modules after ``python -m``, that start the processes of a run and are their parent."""


@dataclass
class StopRequest:
    """Whether the run was asked to stop, and the exit code of the process if so.

    Attributes:
        signal: the signal that asked for it.
        launcher: process id of the launcher that started this process, ``None`` where none did.
    """

    signal: int | None = None
    launcher: int | None = field(default_factory=lambda: launcher_process())

    @property
    def asked(self) -> bool:
        """Asked by a signal, or because the launcher is gone: one that is killed passes no signal on to its children.

        A process that no launcher started goes on when its parent exits, as a detached run does when its shell exits.
        """
        if self.signal is None and self.launcher is not None and os.getppid() != self.launcher:
            self.signal = signal.SIGTERM
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 0 if nothing asked for a stop."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into ``StopRequest.asked``; a second one, a second later, exits at once.

    SIGHUP is what a closing terminal sends; under ``nohup`` it is ignored, and stays so.
    """
    stop = StopRequest()
    first: list[float] = []
    terminals = _terminals()

    def ask(number: int, frame: FrameType | None) -> None:
        first.append(time.monotonic())
        if first[-1] - first[0] > _SAME_SIGNAL_SECONDS:
            os._exit(128 + number)
        if number not in (signal.SIGINT, signal.SIGTERM):
            _discard_output(terminals)
        stop.signal = number

    before = {number: signal.signal(number, ask) for number in _stopping_signals()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def launcher_process() -> int | None:
    """The parent's process id if it is a launcher (torchrun, ``accelerate launch``), by its command line."""
    words = parent_command()
    return os.getppid() if any(Path(word).name in _LAUNCHERS for word in words) else None


def parent_command() -> list[str]:
    """The command line of the parent process; empty where it cannot be read."""
    import psutil

    try:
        return psutil.Process(os.getppid()).cmdline()
    except psutil.Error:
        return []


def _stopping_signals() -> list[int]:
    signals: list[int] = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    return signals


def _terminals() -> list[int]:
    """Standard output and standard error, where they are terminals."""
    return [number for number in (1, 2) if os.isatty(number)]


def _discard_output(numbers: list[int]) -> None:
    """Send further output nowhere: writing to a terminal that is gone would be an error, in the middle of saving."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in numbers:
            os.dup2(nowhere, number)
        os.close(nowhere)

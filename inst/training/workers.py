"""Several processes on one run, started by ``accelerate launch`` or ``torchrun``: shares, and words between them."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from inst.commands.common.progress import warn
from inst.files import locked
from inst.placement import Placement
from inst.training.shared import Stop

Item = TypeVar("Item")
_PATIENCE = timedelta(days=7)
"""How long a process waits for the others: shares of hours end hours apart where machines differ."""


def share(items: Sequence[Item], index: int, count: int) -> list[Item]:
    """The items that process ``index`` of ``count`` takes: every ``count``-th, so that shares differ by one at most."""
    return list(items[index::count])


@dataclass(frozen=True)
class Team:
    """The processes of a run as one of them sees them.

    Attributes:
        device: that tensors between them are on.
    """

    index: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls, placement: Placement) -> Team:
        """The processes that a launcher started, each with a GPU of its own where there are GPUs.

        For after all that the user can have wrong, and before networks are loaded.
        """
        from accelerate import PartialState

        state = PartialState(cpu=placement.device.type == "cpu", timeout=_PATIENCE)
        part_at_exit()
        warn_of_fewer(state.num_processes, "-m inst.cli", is_main=state.is_main_process)
        return cls(state.process_index, state.num_processes, placement.device)

    @property
    def is_main(self) -> bool:
        """Whether this one writes files and speaks."""
        return self.index == 0

    def share(self, items: Sequence[Item]) -> list[Item]:
        return share(items, self.index, self.count)

    @contextlib.contextmanager
    def locked(self, path: Path) -> Iterator[None]:
        """The run's lock, which the main process holds for all."""
        with locked(path) if self.is_main else contextlib.nullcontext():
            self.wait()  # nobody works before it is known to be free
            yield

    def wait(self) -> None:
        """Until all have come here."""
        self.largest(0)

    def largest(self, number: int) -> int:
        """The largest number that any of them gives."""
        if self.count == 1:
            return number
        numbers = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(numbers, torch.distributed.ReduceOp.MAX)
        return int(numbers)

    def asked(self, stop: Stop) -> bool:
        """Whether any of them was asked to stop; then all of them were, at the same step."""
        number = self.largest(stop.signal or signal.SIGTERM if stop.asked else 0)
        stop.signal = number or stop.signal
        return bool(number)

    def mean(self, value: Tensor) -> float:
        """The mean of a number over all of them."""
        if self.count == 1:
            return float(value)
        total = value.detach().to(self.device, torch.float64 if self.device.type == "cpu" else torch.float32)
        torch.distributed.all_reduce(total)
        return float(total) / self.count


def part_at_exit() -> None:
    """Close the connections to the other processes while Python still runs.

    Left open, PyTorch's threads meet an interpreter that is being taken down, and about every second run on CPUs ends
    in "terminate called without an active exception" after all of its work is done.
    """
    from accelerate import PartialState

    atexit.register(PartialState().destroy_process_group)


def warn_of_fewer(running: int, script: str, *, is_main: bool) -> None:
    """Say so where a launcher started fewer processes than it was asked for."""
    asked = asked_processes()
    if asked is not None and asked > running and is_main:
        warn(
            f"{asked} processes were asked for and {running} runs: on a CPU, start several with "
            f"torchrun --nproc_per_node {asked} {script} …"
        )


def asked_processes() -> int | None:
    """How many processes ``accelerate launch`` was asked for, or nothing where it did not start this one.

    On a CPU it starts a single one whatever it was asked for, and says nothing.
    """
    import psutil

    try:
        words = psutil.Process(os.getppid()).cmdline()
    except psutil.Error:
        return None
    for position, word in enumerate(words):
        flag, _, value = word.replace("-", "_").partition("=")
        if flag == "__num_processes":
            value = value or words[position + 1]
            return int(value) if value.isdigit() else None
    return None

"""Several processes on one run, started by ``accelerate launch`` or ``torchrun``: how they share work and agree."""

from __future__ import annotations

import atexit
import contextlib
import signal
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from inst.errors import InstWarning
from inst.files import locked
from inst.placement import Placement
from inst.training.signals import StopRequest, parent_command

Item = TypeVar("Item")
_TIMEOUT = timedelta(days=7)
"""How long a process waits for the others: shares of hours end hours apart where machines differ."""


@dataclass(frozen=True)
class Workers:
    """The processes of a run, as one of them sees them.

    Attributes:
        index: this process, 0 for the main one.
        count: how many there are.
        device: where tensors that they exchange must be.
    """

    index: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls, placement: Placement, script: str = "-m inst.cli") -> Workers:
        """The processes that a launcher started, each with a GPU of its own where there are GPUs.

        Call it after all checks of the user's input, and before networks are loaded.

        Args:
            script: what ``torchrun`` is to start, for the advice where a launcher started fewer than were asked for.
        """
        from accelerate import PartialState

        state = PartialState(cpu=placement.device.type == "cpu", timeout=_TIMEOUT)
        _disconnect_at_exit()
        if state.is_main_process:
            _warn_of_fewer(state.num_processes, script)
        return cls(state.process_index, state.num_processes, placement.device)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.index == 0

    def share(self, items: Sequence[Item]) -> list[Item]:
        """This process's items: every ``count``-th, so that shares differ by one at most."""
        return list(items[self.index :: self.count])

    @contextlib.contextmanager
    def locked(self, path: Path) -> Iterator[None]:
        """The run's lock file, which the main process holds for all of them."""
        with locked(path) if self.is_main else contextlib.nullcontext():
            self.wait()  # nobody works before the lock is known to be free
            yield

    def wait(self) -> None:
        """Wait until all processes have come here."""
        self.largest(0)

    def largest(self, number: int) -> int:
        """The largest number that any process gives; all of them must call this."""
        if self.count == 1:
            return number
        numbers = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(numbers, torch.distributed.ReduceOp.MAX)
        return int(numbers)

    def any(self, condition: bool) -> bool:
        """Whether the condition holds in any process; all of them must call this."""
        return bool(self.largest(int(condition)))

    def stop_asked(self, stop: StopRequest) -> bool:
        """Whether any process was asked to stop; then all of them stop at the same step, with the same exit code."""
        number = self.largest(stop.signal or signal.SIGTERM if stop.asked else 0)
        stop.signal = number or stop.signal
        return bool(number)

    def mean(self, value: Tensor | float) -> float:
        """The mean of a number over all processes; all of them must call this."""
        if self.count == 1:
            return float(value)
        dtype = torch.float64 if self.device.type == "cpu" else torch.float32
        total = torch.as_tensor(value).detach().to(self.device, dtype, copy=True)
        torch.distributed.all_reduce(total)
        return float(total) / self.count


ONE_PROCESS = Workers()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over all processes that train one network, so that each takes the same step.

    Every process must have gradients of the same parameters.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    whole = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(whole)
    whole /= torch.distributed.get_world_size()
    for gradient, mean in zip(gradients, whole.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def requested_processes() -> int | None:
    """How many processes ``accelerate launch`` was asked for, or ``None`` where it did not start this one.

    On a CPU it starts a single one whatever it was asked for, and says nothing.
    """
    words = parent_command()
    for position, word in enumerate(words):
        flag, _, value = word.replace("-", "_").partition("=")
        if flag == "__num_processes":
            value = value or next(iter(words[position + 1 :]), "")
            return int(value) if value.isdigit() else None
    return None


def _warn_of_fewer(running: int, script: str) -> None:
    requested = requested_processes()
    if requested is not None and requested > running:
        warnings.warn(
            f"{requested} processes were asked for and {running} runs: on a CPU, start several with "
            f"torchrun --nproc_per_node {requested} {script} …",
            InstWarning,
            stacklevel=3,
        )


def _disconnect_at_exit() -> None:
    """Close the connections to the other processes while Python still runs.

    Left open, PyTorch's threads meet an interpreter that is being taken down, and about every second run on CPUs ends
    in "terminate called without an active exception" after all of its work is done.
    """
    atexit.register(_leave_group)


def _leave_group() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()

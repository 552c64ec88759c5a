"""What every trainer shares: signals that stop it in good order, early stop, and a state that survives.

A training state is one safetensors file written beside and renamed: tensors, and JSON in its header. accelerate's own
``load_state`` unpickles and ``save_state`` is not atomic, so neither is used.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from inst.errors import InputError
from inst.files import read_safetensors, write_safetensors

_ECHO_SECONDS = 1.0
"""Within these a second signal is the first once more: Ctrl-C reaches a launcher's children twice."""


@dataclass
class Stop:
    """Whether training was asked to stop, and how the process should then exit."""

    signal: int | None = None
    parent: int = field(default_factory=os.getppid)

    @property
    def asked(self) -> bool:
        """Asked by a signal, or orphaned: a launcher that is killed passes nothing on to its children."""
        if self.signal is None and os.getppid() != self.parent:
            self.signal = signal.SIGTERM
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 0 if nothing asked."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stopping() -> Iterator[Stop]:
    """Turn the first Ctrl-C or SIGTERM into ``Stop.asked``; a second one, a second later, ends the process at once."""
    stop = Stop()
    first: list[float] = []

    def ask(number: int, frame: FrameType | None) -> None:
        first.append(time.monotonic())
        if first[-1] - first[0] > _ECHO_SECONDS:
            os._exit(128 + number)
        stop.signal = number

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class BestLoss:
    """The lowest validation loss so far and how long ago it was.

    Attributes:
        patience: validations without a lower loss after which ``exhausted`` is true; 0 never.
        least_gain: how much lower counts, as a share of the best.
    """

    patience: int
    least_gain: float = 1e-3
    best: float = float("inf")
    waited: int = 0

    def update(self, loss: float) -> bool:
        """Take a validation loss; true when it is the lowest so far."""
        gained = loss < self.best * (1 - self.least_gain)
        self.waited = 0 if gained else self.waited + 1
        improved = loss < self.best
        self.best = min(self.best, loss)
        return improved

    @property
    def exhausted(self) -> bool:
        return bool(self.patience) and self.waited >= self.patience


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """The mean of all processes' gradients, where several train one network: each then takes the same step.

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


def save_state(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a training state in one rename."""
    write_safetensors(
        path, {k: v.detach().cpu().contiguous() for k, v in tensors.items()}, {"state": json.dumps(metadata)}
    )


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save_state` wrote.

    Raises:
        InputError: not a training state, or broken.
    """
    tensors, header = read_safetensors(path)
    if "state" not in header:
        raise InputError(f"{path} is not a training state of inst: give the .state file that a stopped run left")
    return tensors, json.loads(header["state"])


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's state as flat named tensors: ``<parameter index>.<name>``."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": torch.as_tensor(value) for index, row in state.items() for name, value in row.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of :func:`optimizer_tensors`."""
    rows: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        rows.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": rows, "param_groups": optimizer.state_dict()["param_groups"]})


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with ``prefix.`` before their names."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix.``, without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}

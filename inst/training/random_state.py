"""PyTorch's global random generators, from which dropout and initial weights are drawn, kept apart for a training."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import torch
from torch import Tensor


def random_states(device: torch.device) -> dict[str, Tensor]:
    """States of the global generators that work on ``device`` uses, by device type.

    Dropout draws from the generator of the device it runs on, so a GPU's state is needed beside the CPU's.
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """The inverse of :func:`random_states`; states of another device type than ``device`` are left out."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


class RandomStream:
    """A seeded state of the global generators that is in force inside ``with``, and goes on at the next ``with``.

    What is drawn inside depends on nothing that is drawn outside, and outside nothing changes.

    Args:
        device: whose generator is used beside the CPU's.

    Attributes:
        states: where the stream is, as :func:`random_states`; changing it resumes somewhere else.

    >>> stream = RandomStream(0, torch.device("cpu"))
    >>> with stream:
    ...     first = torch.rand(2)
    >>> _ = torch.rand(5)
    >>> with stream:
    ...     second = torch.rand(2)
    >>> torch.equal(torch.cat([first, second]), torch.rand(4, generator=torch.Generator().manual_seed(0)))
    True
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        outside = random_states(device)
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        self.states = random_states(device)
        restore_random_states(outside, device)

    def __enter__(self) -> RandomStream:
        self._outside = random_states(self.device)
        restore_random_states(self.states, self.device)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.states = random_states(self.device)
        restore_random_states(self._outside, self.device)

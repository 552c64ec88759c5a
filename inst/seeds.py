"""Chance is an argument: one generator an image, so that an image does not depend on the batch it was made in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MAX_SEED = 2**32 - 1


def generator(seed: int, index: int = 0) -> torch.Generator:
    """A CPU generator for the ``index``-th image of a run; on every device the same numbers come from it."""
    return torch.Generator("cpu").manual_seed((seed + index) % (MAX_SEED + 1))


def noise(seed: int, shape: Sequence[int], *, index: int = 0) -> Tensor:
    """Standard normal noise of ``shape`` (the first axis is the batch), float32 on the CPU.

    The image at batch position j uses seed + index + j, so a batch of four starts from the very noises that four single
    runs with consecutive seeds start from.
    """
    batch, *rest = shape
    return torch.stack([torch.randn(rest, generator=generator(seed, index + j)) for j in range(batch)])

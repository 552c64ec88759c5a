"""Random number generators: one per image, so that an image does not depend on the batch it was generated in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MAX_SEED = 2**32 - 1


def generator(seed: int, index: int = 0) -> torch.Generator:
    """The random generator of the ``index``-th image of a run, seeded with ``seed + index`` modulo 2³².

    It is a CPU generator whatever device the model runs on, so that the same seed gives the same noise everywhere.
    """
    return torch.Generator("cpu").manual_seed((seed + index) % (MAX_SEED + 1))


def noise(seed: int, shape: Sequence[int], *, index: int = 0) -> Tensor:
    """Standard normal noise, float32 on the CPU.

    The image at batch position j uses ``seed + index + j``, so that a batch of four starts from the same noise as four
    single runs with consecutive seeds.

    Args:
        seed: seed of the first image of the run.
        shape: the first axis is the batch.
        index: position in the run of the first image of this batch.

    >>> batch = noise(7, (2, 4, 8, 8))
    >>> bool((batch[1:] == noise(8, (1, 4, 8, 8))).all())
    True
    """
    batch, *rest = shape
    return torch.stack([torch.randn(rest, generator=generator(seed, index + j)) for j in range(batch)])

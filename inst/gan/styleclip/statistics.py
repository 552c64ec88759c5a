"""Mean and standard deviation of every StyleSpace channel, which make channels comparable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import InputError
from inst.files import array_of, read_pickle, read_safetensors, sniff, write_safetensors
from inst.gan.codes import Codes


@dataclass(frozen=True)
class StyleStatistics:
    """Statistics of StyleSpace, one float32 vector (C,) per style.

    Attributes:
        means: mean of each channel.
        stds: population standard deviation of each channel (division by the number of samples n, not n − 1).
    """

    means: list[Float[Tensor, "_"]]
    stds: list[Float[Tensor, "_"]]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(len(mean) for mean in self.means)


def style_statistics(batches: Iterable[Codes]) -> StyleStatistics:
    """Computes the statistics of styles (b, C) that arrive in batches.

    The published statistics use 100,000 samples truncated with ψ = 0.7. Batches are merged in float64 (Chan et al.
    1983), so the samples need not fit into memory together.

    Raises:
        InputError: there are no samples.
    """
    count, means, squares = 0, [], []
    for styles in batches:
        batch = [style.double() for style in styles]
        batch_count = len(batch[0])
        batch_means = [style.mean(0) for style in batch]
        batch_squares = [((style - mean) ** 2).sum(0) for style, mean in zip(batch, batch_means, strict=True)]
        if not count:
            count, means, squares = batch_count, batch_means, batch_squares
            continue
        total = count + batch_count
        shifts = [new - old for new, old in zip(batch_means, means, strict=True)]
        means = [old + shift * (batch_count / total) for old, shift in zip(means, shifts, strict=True)]
        between = count * batch_count / total
        squares = [a + b + shift**2 * between for a, b, shift in zip(squares, batch_squares, shifts, strict=True)]
        count = total
    if not count:
        raise InputError("the statistics of StyleSpace need samples: none were given")
    return StyleStatistics([mean.float() for mean in means], [(s / count).sqrt().float() for s in squares])


def write_statistics(path: Path, statistics: StyleStatistics) -> None:
    """Writes safetensors with ``mean.{i}`` and ``std.{i}``.

    Raises:
        InputError: the file cannot be written.
    """
    tensors = {f"mean.{i}": mean for i, mean in enumerate(statistics.means)}
    tensors |= {f"std.{i}": std for i, std in enumerate(statistics.stds)}
    write_safetensors(path, tensors, {"kind": "stylespace-statistics"})


def read_statistics(path: Path) -> StyleStatistics:
    """Reads a file written by `write_statistics`, or StyleCLIP's ``S_mean_std``, a pickle of two lists of arrays.

    Raises:
        InputError: the file is missing or unsafe, or holds no such statistics.
    """
    if sniff(path) == "safetensors":
        tensors = read_safetensors(path)[0]
        number = sum(name.startswith("mean.") for name in tensors)
        lists = [[tensors.get(f"{kind}.{i}") for i in range(number)] for kind in ("mean", "std")]
    else:
        data = read_pickle(path)
        lists = [_vectors(part) for part in data] if isinstance(data, (list, tuple)) and len(data) == 2 else []
    if len(lists) != 2 or not lists[0] or len(lists[0]) != len(lists[1]):
        raise InputError(f"{path} holds no statistics of StyleSpace: give an S_mean_std file")
    means, stds = ([vector for vector in part if vector is not None] for part in lists)
    if [m.shape for m in means] != [s.shape for s in stds] or len(means) != len(lists[0]):
        raise InputError(f"{path} is damaged: its means and standard deviations do not match")
    return StyleStatistics(means, stds)


_MAX_STYLES = 100
"""A generator of 1024 pixels has 26. They are copied, and a file can name the same one a million times."""


def _vectors(part: object) -> list[Tensor | None]:
    if not isinstance(part, Sequence) or len(part) > _MAX_STYLES:
        return []
    arrays = [array_of(item) for item in part]
    return [None if array is None else torch.from_numpy(array.astype("float32")).flatten() for array in arrays]

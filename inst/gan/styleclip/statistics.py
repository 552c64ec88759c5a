"""Mean and deviation of every channel of StyleSpace, by which its channels compare."""

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
    """Per style, float32 (C,).

    Attributes:
        means, stds: over many samples; deviations of the samples themselves (division by their number).
    """

    means: list[Float[Tensor, "_"]]
    stds: list[Float[Tensor, "_"]]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(len(mean) for mean in self.means)


def style_statistics(batches: Iterable[Codes]) -> StyleStatistics:
    """Statistics of styles (b, C) that come in batches: published are 100 000 samples, truncated to 0.7.

    Merged batch by batch in float64 (Chan et al. 1983), so that all samples need never lie in memory.

    Raises:
        InputError: no samples.
    """
    count, means, squares = 0, [], []
    for styles in batches:
        wide = [style.double() for style in styles]
        more = len(wide[0])
        own = [style.mean(0) for style in wide]
        spread = [((style - mean) ** 2).sum(0) for style, mean in zip(wide, own, strict=True)]
        if not count:
            count, means, squares = more, own, spread
            continue
        total = count + more
        shifts = [new - old for new, old in zip(own, means, strict=True)]
        means = [old + shift * (more / total) for old, shift in zip(means, shifts, strict=True)]
        between = count * more / total
        squares = [a + b + shift**2 * between for a, b, shift in zip(squares, spread, shifts, strict=True)]
        count = total
    if not count:
        raise InputError("statistics of StyleSpace need samples: none were given")
    return StyleStatistics([mean.float() for mean in means], [(s / count).sqrt().float() for s in squares])


def write_statistics(path: Path, statistics: StyleStatistics) -> None:
    """As safetensors, ``mean.{i}`` and ``std.{i}``."""
    tensors = {f"mean.{i}": mean for i, mean in enumerate(statistics.means)}
    tensors |= {f"std.{i}": std for i, std in enumerate(statistics.stds)}
    write_safetensors(path, tensors, {"kind": "stylespace-statistics"})


def read_statistics(path: Path) -> StyleStatistics:
    """What `write_statistics` wrote, or StyleCLIP's published ``S_mean_std``, a pickle of two lists of arrays.

    Raises:
        InputError: missing, unsafe, or no such statistics.
    """
    if sniff(path) == "safetensors":
        tensors = read_safetensors(path)[0]
        number = sum(name.startswith("mean.") for name in tensors)
        lists = [[tensors.get(f"{kind}.{i}") for i in range(number)] for kind in ("mean", "std")]
    else:
        data = read_pickle(path)
        lists = [_vectors(part) for part in data] if isinstance(data, (list, tuple)) else []
    if len(lists) != 2 or not lists[0] or len(lists[0]) != len(lists[1]):
        raise InputError(f"{path} holds no statistics of StyleSpace: give an S_mean_std file")
    means, stds = ([vector for vector in part if vector is not None] for part in lists)
    if [m.shape for m in means] != [s.shape for s in stds] or len(means) != len(lists[0]):
        raise InputError(f"{path} is damaged: its means and deviations do not match")
    return StyleStatistics(means, stds)


_MAX_STYLES = 100
"""A generator of 1024 pixels has 26. They are copied, and a file can name the same one a million times."""


def _vectors(part: object) -> list[Tensor | None]:
    if not isinstance(part, Sequence) or len(part) > _MAX_STYLES:
        return []
    arrays = [array_of(item) for item in part]
    return [None if array is None else torch.from_numpy(array.astype("float32")).flatten() for array in arrays]

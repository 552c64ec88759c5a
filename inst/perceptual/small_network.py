"""A small residual network (He et al. 2016, identity mappings) for pictures of about 64 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8
FOLD = 2
"""Pixels a side that become channels before the first convolution."""


class Stage(nn.Module):
    """Two convolutions and a way around them, to half the size.

    Norms are of groups: a batch's statistics would be those of drawings, and what is looked at later are made pictures.
    """

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width_in)
        self.first = nn.Conv2d(width_in, width, 3, 2, 1)
        self.inner_norm = nn.GroupNorm(GROUPS, width)
        self.second = nn.Conv2d(width, width, 3, 1, 1)
        self.around = nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        y = self.first(self.norm(x).relu())
        y = self.second(self.inner_norm(y).relu())
        return y + self.around(functional.avg_pool2d(x, 2))


class SmallTrunk(nn.Module):
    """Pictures in [-1, 1] to features, all places side by side.

    Args:
        widths: after the first convolution and after each stage, multiples of `GROUPS`.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths
        self.read = nn.Conv2d(3 * FOLD**2, widths[0], 3, 1, 1)
        self.stages = nn.Sequential(*(Stage(before, after) for before, after in pairwise(widths)))
        self.norm = nn.GroupNorm(GROUPS, widths[-1])

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b f"]:
        x = self.read(functional.pixel_unshuffle(images, FOLD))
        return self.norm(self.stages(x)).relu().flatten(1)

    def features(self, side: int) -> int:
        """How many features pictures of ``side`` pixels have."""
        return self.widths[-1] * (side // shrink(len(self.widths))) ** 2


def shrink(count: int) -> int:
    """Pixels a side of a picture that become one place in a trunk of so many widths."""
    return FOLD << (count - 1)


def widths_of(state: Mapping[str, Tensor], prefix: str) -> tuple[int, ...]:
    """The widths that tensors of a `SmallTrunk` below ``prefix.`` show; empty for another network's."""
    names = [f"{prefix}.read.weight"]
    while (name := f"{prefix}.stages.{len(names) - 1}.first.weight") in state:
        names.append(name)
    return tuple(state[name].shape[0] for name in names if name in state and state[name].ndim == 4)

"""A small residual network (pre-activation ResNet, He et al. 2016) for images of about 64 px."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8
FOLD = 2
"""Side of the blocks of pixels that are folded into channels (pixel unshuffle) before the first convolution."""


class Stage(nn.Module):
    """A pre-activation residual block of two convolutions that halves the resolution.

    It uses group norm: batch statistics would be those of the drawings that the network is trained on, whereas it is
    later applied to generated images.
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
    """Features of images in [-1, 1]: the last feature map, flattened.

    Args:
        widths: channels after the first convolution and after each stage, multiples of ``GROUPS``.
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
        """The number of features of square images of ``side`` pixels."""
        return self.widths[-1] * (side // total_stride(len(self.widths))) ** 2


def total_stride(num_widths: int) -> int:
    """The factor by which a trunk with that many widths reduces the resolution."""
    return FOLD << (num_widths - 1)


def widths_of(state: Mapping[str, Tensor], prefix: str) -> tuple[int, ...]:
    """The widths of the :class:`SmallTrunk` with tensors named ``prefix.*``; empty if they are another network's."""
    names = [f"{prefix}.read.weight"]
    while (name := f"{prefix}.stages.{len(names) - 1}.first.weight") in state:
        names.append(name)
    return tuple(state[name].shape[0] for name in names if name in state and state[name].ndim == 4)

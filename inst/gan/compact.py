"""A small encoder after e4e's (Tov et al. 2021) for generators of 32 to 256 px: plain residual convolutions, and one
linear layer for all styles that look at the same level.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from inst.errors import ModelError
from inst.gan.architecture import GeneratorConfig
from inst.shapes import Image, WPlus

Features = Float[Tensor, "b c h w"]
FIRST_STYLES = (0, 3, 7)
"""The first style that looks at the features of 4, of 8 and of 16 px, as e4e's heads divide them."""
WIDTHS = (128, 96, 64, 32)
"""Channels at 4, 8, 16 px and above."""
READ = 32
"""Channels of each level that its styles are made from, at 4×4 places."""
_FOLD, _GROUPS, _SMALLEST = 2, 8, 4


@dataclass(frozen=True, kw_only=True)
class CompactLayout:
    """How large a compact encoder is.

    Attributes:
        num_styles, style_dim: of W+.
        input_size: side of the pictures in pixels; a power of two from 32 on.
        widths: channels at 4, 8 … pixels up to half of the input's.
    """

    num_styles: int
    style_dim: int
    input_size: int
    widths: tuple[int, ...]

    @classmethod
    def of(cls, config: GeneratorConfig, widths: tuple[int, ...] = WIDTHS) -> CompactLayout:
        """For a generator of these sizes; the last of ``widths`` is repeated.

        Raises:
            ModelError: a generator of less than 32 pixels.
        """
        levels = int(math.log2(config.resolution // _FOLD // _SMALLEST)) + 1 if config.resolution >= 16 else 0
        if levels < len(FIRST_STYLES):
            raise ModelError(f"a compact encoder is for generators from 32 px on, not of {config.resolution} px")
        widths = (widths + (widths[-1],) * levels)[:levels]
        return cls(num_styles=config.num_layers, style_dim=config.w_width, input_size=config.resolution, widths=widths)

    @property
    def styles(self) -> tuple[int, ...]:
        """How many styles look at each level."""
        ends = (*FIRST_STYLES[1:], self.num_styles)
        return tuple(end - first for first, end in zip(FIRST_STYLES, ends, strict=True))


class Residual(nn.Module):
    """Two convolutions with what came in added; half the side where ``halve`` says so."""

    def __init__(self, width_in: int, width: int, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.norm1, self.conv1 = (
            nn.GroupNorm(math.gcd(_GROUPS, width_in), width_in),
            nn.Conv2d(width_in, width, 3, 1, 1),
        )
        self.norm2, self.conv2 = nn.GroupNorm(math.gcd(_GROUPS, width), width), nn.Conv2d(width, width, 3, 1, 1)
        self.skip = nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Features) -> Float[Tensor, "b c2 h2 w2"]:
        y = functional.silu(self.norm1(x))
        if self.halve:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        return self.skip(x) + self.conv2(functional.silu(self.norm2(self.conv1(y))))


class Level(nn.Module):
    """What the styles of one level are made from: its features beside coarser ones, at 4×4 places."""

    def __init__(self, width: int, side: int, outputs: int) -> None:
        super().__init__()
        step = side // _SMALLEST
        self.read = nn.Conv2d(width, READ, step, step)
        self.styles = nn.Linear(READ * _SMALLEST**2, outputs)

    def forward(self, features: Features) -> Float[Tensor, "b outputs"]:
        return self.styles(functional.silu(self.read(features)).flatten(1))


class CompactEncoder(nn.Module):
    """Pictures to W+: one style for all layers, and what each layer adds to it.

    Attributes:
        mean: the generator's mean w, which all codes are relative to.
    """

    mean: Tensor

    def __init__(self, layout: CompactLayout) -> None:
        super().__init__()
        self.layout = layout
        widths = layout.widths[::-1]
        self.enter = nn.Conv2d(3 * _FOLD**2, widths[0], 3, 1, 1)
        self.body = nn.ModuleList(
            Residual(before, width, halve=index > 0)
            for index, (before, width) in enumerate(zip((widths[0], *widths), widths, strict=False))
        )
        joined = layout.widths[0]
        self.laterals = nn.ModuleList(nn.Conv2d(width, joined, 1) for width in layout.widths[: len(FIRST_STYLES)])
        self.levels = nn.ModuleList(
            Level(joined, _SMALLEST << index, count * layout.style_dim) for index, count in enumerate(layout.styles)
        )
        self.register_buffer("mean", torch.zeros(layout.style_dim))

    def start_at(self, mean: Float[Tensor, " d"]) -> CompactEncoder:
        """Codes begin as the generator's mean, whatever the picture."""
        with torch.no_grad():
            self.mean.copy_(mean)
            for level in self.levels:
                assert isinstance(level, Level)
                nn.init.zeros_(level.styles.weight)
                nn.init.zeros_(level.styles.bias)
        return self

    def forward(self, pictures: Image) -> WPlus:
        """Codes relative to the mean; pictures (b, 3, input_size, input_size) in [-1, 1]."""
        first, deltas = self.first_and_deltas(pictures)
        return first[:, None] + functional.pad(deltas, (0, 0, 1, 0))

    def first_and_deltas(self, pictures: Image) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b rest d"]]:
        """The first style, and what the others add to it."""
        x, maps = self.enter(functional.pixel_unshuffle(pictures, _FOLD)), []
        for block in self.body:
            x = block(x)
            maps.append(x)
        joined, parts = None, []
        for lateral, level, features in zip(self.laterals, self.levels, reversed(maps), strict=False):
            x = lateral(features)
            joined = x if joined is None else x + functional.interpolate(joined, scale_factor=2, mode="bilinear")
            parts.append(level(joined).unflatten(1, (-1, self.layout.style_dim)))
        styles = torch.cat(parts, dim=1).float()
        return styles[:, 0], styles[:, 1:]


def is_compact(state: Mapping[str, Tensor]) -> bool:
    """Whether tensors are a `CompactEncoder`'s."""
    return "enter.weight" in state and "levels.0.read.weight" in state


def compact_layout_of(state: Mapping[str, Tensor]) -> CompactLayout:
    """Sizes as the tensors show them.

    Raises:
        ModelError: tensors without a mean or a body.
    """
    widths = [
        len(state[name])
        for name in sorted(state, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
        if re.fullmatch(r"body\.\d{1,2}\.skip\.weight", name)
    ]
    mean = state.get("mean")
    rows = [value.shape[0] for name, value in state.items() if re.fullmatch(r"levels\.\d\.styles\.bias", name)]
    if mean is None or mean.ndim != 1 or len(widths) < len(FIRST_STYLES) or sum(rows) % len(mean):
        raise ModelError("a compact encoder lacks its mean or a part of its body")
    size = _FOLD * _SMALLEST << (len(widths) - 1)
    return CompactLayout(
        num_styles=sum(rows) // len(mean), style_dim=len(mean), input_size=size, widths=tuple(widths[::-1])
    )

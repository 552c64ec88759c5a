"""A small encoder in the manner of e4e (Tov et al. 2021) for generators of 32 to 256 px.

Its trunk consists of plain residual convolutions, and one linear layer predicts all styles that read the same level of
the feature pyramid.
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
"""Index of the first style that reads the features at 4, at 8 and at 16 px, grouped as in e4e."""
WIDTHS = (128, 96, 64, 32)
"""Number of channels at 4, 8, 16 and 32 px; the last applies to all higher resolutions."""
READ_CHANNELS = 32
"""Number of channels, on a 4×4 grid, from which the linear layer of each level predicts its styles."""
_UNSHUFFLE, _GROUPS, _MIN_SIDE = 2, 8, 4
"""Factor of the pixel unshuffle at the input, groups of the group norms, and side of the coarsest features."""


@dataclass(frozen=True, kw_only=True)
class CompactLayout:
    """Sizes of a compact encoder.

    Attributes:
        num_styles: number of layers k of W+.
        style_dim: width d of W+.
        input_size: side of the input images in pixels, a power of two of at least 32.
        widths: number of channels at 4, 8 … pixels, up to half the input size.
    """

    num_styles: int
    style_dim: int
    input_size: int
    widths: tuple[int, ...]

    @classmethod
    def of(cls, config: GeneratorConfig, widths: tuple[int, ...] = WIDTHS) -> CompactLayout:
        """The layout for a generator of these sizes; the last of ``widths`` is repeated as often as needed.

        Raises:
            ModelError: the generator's resolution is below 32 pixels.
        """
        levels = int(math.log2(config.resolution // _UNSHUFFLE // _MIN_SIDE)) + 1 if config.resolution >= 16 else 0
        if levels < len(FIRST_STYLES):
            raise ModelError(f"a compact encoder needs a generator of at least 32 px, not {config.resolution} px")
        widths = (widths + (widths[-1],) * levels)[:levels]
        return cls(num_styles=config.num_layers, style_dim=config.w_width, input_size=config.resolution, widths=widths)

    @property
    def styles(self) -> tuple[int, ...]:
        """Number of styles that read each level, from the coarsest on."""
        ends = (*FIRST_STYLES[1:], self.num_styles)
        return tuple(end - first for first, end in zip(FIRST_STYLES, ends, strict=True))


class Residual(nn.Module):
    """A pre-activation residual block of two convolutions; with ``downsample`` it halves the resolution."""

    def __init__(self, width_in: int, width: int, *, downsample: bool) -> None:
        super().__init__()
        self.downsample = downsample
        self.norm1, self.conv1 = (
            nn.GroupNorm(math.gcd(_GROUPS, width_in), width_in),
            nn.Conv2d(width_in, width, 3, 1, 1),
        )
        self.norm2, self.conv2 = nn.GroupNorm(math.gcd(_GROUPS, width), width), nn.Conv2d(width, width, 3, 1, 1)
        self.skip = nn.Conv2d(width_in, width, 1, bias=False)

    def forward(self, x: Features) -> Float[Tensor, "b c2 h2 w2"]:
        y = functional.silu(self.norm1(x))
        if self.downsample:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        return self.skip(x) + self.conv2(functional.silu(self.norm2(self.conv1(y))))


class Level(nn.Module):
    """Predicts the styles of one level from its features, which are merged with those of coarser levels."""

    def __init__(self, width: int, side: int, outputs: int) -> None:
        super().__init__()
        stride = side // _MIN_SIDE
        self.read = nn.Conv2d(width, READ_CHANNELS, stride, stride)
        self.styles = nn.Linear(READ_CHANNELS * _MIN_SIDE**2, outputs)

    def forward(self, features: Features) -> Float[Tensor, "b outputs"]:
        return self.styles(functional.silu(self.read(features)).flatten(1))


class CompactEncoder(nn.Module):
    """Maps images to W+ as one base style and an offset for each further layer (Tov et al. 2021, section 4).

    Attributes:
        mean: the generator's mean w (d,); the network's output is relative to it.
    """

    mean: Tensor

    def __init__(self, layout: CompactLayout) -> None:
        super().__init__()
        self.layout = layout
        widths = layout.widths[::-1]
        self.enter = nn.Conv2d(3 * _UNSHUFFLE**2, widths[0], 3, 1, 1)
        self.body = nn.ModuleList(
            Residual(before, width, downsample=index > 0)
            for index, (before, width) in enumerate(zip((widths[0], *widths), widths, strict=False))
        )
        pyramid = layout.widths[0]
        self.laterals = nn.ModuleList(nn.Conv2d(width, pyramid, 1) for width in layout.widths[: len(FIRST_STYLES)])
        self.levels = nn.ModuleList(
            Level(pyramid, _MIN_SIDE << index, count * layout.style_dim) for index, count in enumerate(layout.styles)
        )
        self.register_buffer("mean", torch.zeros(layout.style_dim))

    def initialize_to_mean(self, mean: Float[Tensor, " d"]) -> CompactEncoder:
        """Sets the mean and zeroes the output layers, so that the untrained encoder gives the mean for every image."""
        with torch.no_grad():
            self.mean.copy_(mean)
            for level in self.levels:
                assert isinstance(level, Level)
                nn.init.zeros_(level.styles.weight)
                nn.init.zeros_(level.styles.bias)
        return self

    def forward(self, pictures: Image) -> WPlus:
        """W+ codes relative to the mean, of images (b, 3, input_size, input_size) in [-1, 1]."""
        first, deltas = self.first_and_deltas(pictures)
        return first[:, None] + functional.pad(deltas, (0, 0, 1, 0))

    def first_and_deltas(self, pictures: Image) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b rest d"]]:
        """The base style, and the offsets that the other layers add to it (rest = k − 1)."""
        x, maps = self.enter(functional.pixel_unshuffle(pictures, _UNSHUFFLE)), []
        for block in self.body:
            x = block(x)
            maps.append(x)
        merged, parts = None, []
        for lateral, level, features in zip(self.laterals, self.levels, reversed(maps), strict=False):
            x = lateral(features)
            merged = x if merged is None else x + functional.interpolate(merged, scale_factor=2, mode="bilinear")
            parts.append(level(merged).unflatten(1, (-1, self.layout.style_dim)))
        styles = torch.cat(parts, dim=1).float()
        return styles[:, 0], styles[:, 1:]


def is_compact(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is that of a `CompactEncoder`."""
    return "enter.weight" in state and "levels.0.read.weight" in state


def compact_layout_of(state: Mapping[str, Tensor]) -> CompactLayout:
    """Derives the sizes of a compact encoder from its tensors.

    Raises:
        ModelError: the mean or a part of the body is missing.
    """
    widths = [
        len(state[name])
        for name in sorted(state, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
        if re.fullmatch(r"body\.\d{1,2}\.skip\.weight", name)
    ]
    mean = state.get("mean")
    rows = [value.shape[0] for name, value in state.items() if re.fullmatch(r"levels\.\d\.styles\.bias", name)]
    if mean is None or mean.ndim != 1 or len(widths) < len(FIRST_STYLES) or sum(rows) % len(mean):
        raise ModelError("the compact encoder is incomplete: its mean or a part of its body is missing")
    size = _UNSHUFFLE * _MIN_SIDE << (len(widths) - 1)
    return CompactLayout(
        num_styles=sum(rows) // len(mean), style_dim=len(mean), input_size=size, widths=tuple(widths[::-1])
    )

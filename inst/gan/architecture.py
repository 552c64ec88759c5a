"""What a StyleGAN2 generator is built of: sizes only, no tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from inst.errors import ModelError

MAX_RESOLUTION = 4096
_FIRST = 4  # pixels: the side of the learned constant that every picture grows from


@dataclass(frozen=True)
class StyleLayer:
    """One place where a style enters: an entry of StyleSpace.

    Attributes:
        kind: ``conv`` (3×3, demodulated, with noise) or ``to_rgb`` (1×1).
        index: which of the generator's ``convs`` or ``to_rgbs``.
        resolution: side of what the layer puts out, in pixels.
        channels: width of its style, which is that of what comes in.
        w_index: which layer of w_plus its style is made from; a to-RGB shares w with the convolution after it.
        upsample: it doubles the resolution.
    """

    kind: Literal["conv", "to_rgb"]
    index: int
    resolution: int
    channels: int
    w_index: int
    upsample: bool = False


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """Sizes of a StyleGAN2 (Karras et al. 2020, skip generator).

    Attributes:
        channels: width at 4, 8, 16 … pixels; one entry a resolution.
        mapping_widths: widths through the mapping network, from z to w: one more than it has layers.
        mapping_rate: the learning-rate factor of the mapping network, part of its equalised weights.
        conv_clamp: bound on every layer's output (StyleGAN2-ADA trains with 256), ``None`` for none.

    Raises:
        ModelError: sizes that no generator has.
    """

    channels: tuple[int, ...]
    mapping_widths: tuple[int, ...]
    mapping_rate: float = 0.01
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1 or self.resolution > MAX_RESOLUTION:
            raise ModelError(
                f"a generator of channels {self.channels[:12]} is not possible: one positive width for each of 4, 8, "
                f"16 … pixels, up to {MAX_RESOLUTION}"
            )
        if len(self.mapping_widths) < 2 or min(self.mapping_widths) < 1:
            raise ModelError(f"a mapping network of widths {self.mapping_widths[:12]} is not possible: give z, …, w")
        if not (math.isfinite(self.mapping_rate) and self.mapping_rate > 0):
            raise ModelError(f"a mapping network of learning-rate factor {self.mapping_rate} is not possible")
        if self.conv_clamp is not None and not (math.isfinite(self.conv_clamp) and self.conv_clamp > 0):
            raise ModelError(f"conv_clamp={self.conv_clamp} is not possible: a positive number or none")

    @property
    def resolution(self) -> int:
        """Side of the pictures in pixels."""
        return _FIRST * 2 ** (len(self.channels) - 1)

    @property
    def z_width(self) -> int:
        return self.mapping_widths[0]

    @property
    def w_width(self) -> int:
        return self.mapping_widths[-1]

    @property
    def num_layers(self) -> int:
        """Layers of w_plus: 18 at 1024 pixels."""
        return 2 * len(self.channels)

    @property
    def num_convs(self) -> int:
        return 2 * len(self.channels) - 1

    @property
    def style_layers(self) -> tuple[StyleLayer, ...]:
        """StyleSpace in its order (Wu et al. 2021): conv, to_rgb at 4 pixels, then conv, conv, to_rgb a resolution."""
        first = self.channels[0]
        layers = [StyleLayer("conv", 0, _FIRST, first, 0), StyleLayer("to_rgb", 0, _FIRST, first, 1)]
        for level, (before, width) in enumerate(zip(self.channels, self.channels[1:], strict=False), start=1):
            side, conv = _FIRST * 2**level, 2 * level - 1
            layers += [
                StyleLayer("conv", conv, side, before, conv, upsample=True),
                StyleLayer("conv", conv + 1, side, width, conv + 1),
                StyleLayer("to_rgb", level, side, width, conv + 2),
            ]
        return tuple(layers)

    @property
    def style_widths(self) -> tuple[int, ...]:
        """Channels of each entry of StyleSpace: 26 at 1024 pixels."""
        return tuple(layer.channels for layer in self.style_layers)

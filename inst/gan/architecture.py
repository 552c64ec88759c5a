"""The architecture of a StyleGAN2 generator as sizes, without tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from inst.errors import ModelError

MAX_RESOLUTION = 4096
_BASE_RESOLUTION = 4  # pixels: side of the learned constant input


@dataclass(frozen=True)
class StyleLayer:
    """One layer that is modulated by a style: an entry of StyleSpace.

    Attributes:
        kind: ``conv`` (3×3, demodulated, with noise) or ``to_rgb`` (1×1).
        index: index into the generator's ``convs`` or ``to_rgbs``.
        resolution: side of the layer's output, in pixels.
        channels: number of input channels, which is the width of the style.
        w_index: the layer of W+ from which the style is computed; a to-RGB layer shares it with the convolution after
            it.
        upsample: whether the layer doubles the resolution.
    """

    kind: Literal["conv", "to_rgb"]
    index: int
    resolution: int
    channels: int
    w_index: int
    upsample: bool = False


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """Sizes of a StyleGAN2 generator (Karras et al. 2020, skip architecture).

    Attributes:
        channels: number of channels at 4, 8, 16 … pixels, one entry per resolution.
        mapping_widths: widths through the mapping network from z to w, one more than it has layers.
        mapping_rate: learning-rate multiplier of the mapping network, which scales its equalised weights.
        conv_clamp: bound on the absolute value of every layer's output (StyleGAN2-ADA trains with 256), ``None`` for
            none.

    Raises:
        ModelError: sizes that are not those of a generator.
    """

    channels: tuple[int, ...]
    mapping_widths: tuple[int, ...]
    mapping_rate: float = 0.01
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1 or self.resolution > MAX_RESOLUTION:
            raise ModelError(
                f"a generator with channels {self.channels[:12]} is not possible: give one positive width for each of "
                f"the resolutions 4, 8, 16 … pixels, up to {MAX_RESOLUTION}"
            )
        if len(self.mapping_widths) < 2 or min(self.mapping_widths) < 1:
            raise ModelError(
                f"a mapping network with widths {self.mapping_widths[:12]} is not possible: give positive widths of z, "
                "of the hidden layers and of w"
            )
        if not (math.isfinite(self.mapping_rate) and self.mapping_rate > 0):
            raise ModelError(
                f"a mapping network with the learning-rate multiplier {self.mapping_rate} is not possible: give a "
                "positive number"
            )
        if self.conv_clamp is not None and not (math.isfinite(self.conv_clamp) and self.conv_clamp > 0):
            raise ModelError(f"conv_clamp={self.conv_clamp} is not possible: give a positive number or None")

    @property
    def resolution(self) -> int:
        """Side of the generated images in pixels."""
        return _BASE_RESOLUTION * 2 ** (len(self.channels) - 1)

    @property
    def z_width(self) -> int:
        return self.mapping_widths[0]

    @property
    def w_width(self) -> int:
        return self.mapping_widths[-1]

    @property
    def num_layers(self) -> int:
        """Number of layers of W+: 18 at 1024 pixels."""
        return 2 * len(self.channels)

    @property
    def num_convs(self) -> int:
        return 2 * len(self.channels) - 1

    @property
    def style_layers(self) -> tuple[StyleLayer, ...]:
        """The layers of StyleSpace in order (Wu et al. 2021): conv, to_rgb at 4 px, then conv, conv, to_rgb."""
        first = self.channels[0]
        layers = [
            StyleLayer("conv", 0, _BASE_RESOLUTION, first, 0),
            StyleLayer("to_rgb", 0, _BASE_RESOLUTION, first, 1),
        ]
        for level, (before, width) in enumerate(zip(self.channels, self.channels[1:], strict=False), start=1):
            side, conv = _BASE_RESOLUTION * 2**level, 2 * level - 1
            layers += [
                StyleLayer("conv", conv, side, before, conv, upsample=True),
                StyleLayer("conv", conv + 1, side, width, conv + 1),
                StyleLayer("to_rgb", level, side, width, conv + 2),
            ]
        return tuple(layers)

    @property
    def style_widths(self) -> tuple[int, ...]:
        """Number of channels of each layer of StyleSpace: 26 layers at 1024 pixels."""
        return tuple(layer.channels for layer in self.style_layers)

"""The modules of a StyleGAN2 generator."""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.gan.architecture import StyleLayer
from inst.gan.equalized import EqualLinear
from inst.gan.layers import GAIN, FeatureMaps, Form, activate, modulated_conv, pixel_norm, upsample


class Mapping(nn.Module):
    """The mapping network from z to w: normalised z through fully connected layers (Karras et al. 2019, section 2)."""

    def __init__(self, widths: tuple[int, ...], rate: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EqualLinear(before, after, lr_mul=rate) for before, after in itertools.pairwise(widths)
        )

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b d"]:
        x = pixel_norm(z)
        for layer in self.layers:
            x = activate(layer(x) * GAIN)
        return x


class StyledConv(nn.Module):
    """A modulated 3×3 convolution followed by noise, bias and activation (Karras et al. 2020, section 2).

    Attributes:
        noise: the fixed noise map of this layer, (resolution, resolution).
    """

    noise: Tensor

    def __init__(self, layer: StyleLayer, width_out: int, w_width: int, clamp: float | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width_out, layer.channels, 3, 3))
        self.affine = EqualLinear(w_width, layer.channels)
        self.bias = nn.Parameter(torch.zeros(width_out))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.zeros(layer.resolution, layer.resolution))
        self.upsample, self.clamp = layer.upsample, clamp

    def forward(
        self,
        x: FeatureMaps,
        style: Float[Tensor, "b i"],
        noise: Float[Tensor, "n h2 w2"] | None,
        form: Form | None = None,
    ) -> Float[Tensor, "b o h2 w2"]:
        """One layer of the synthesis network.

        Args:
            noise: one map for the whole batch or one per image, not yet scaled by the noise strength; ``None`` for no
                noise.
        """
        y = modulated_conv(x, self.weight, style, up=self.upsample, gain=GAIN, form=form)
        bias = (self.bias * GAIN).to(y.dtype)[:, None, None]
        if noise is not None:
            bias = bias + (noise.float() * (self.noise_strength * GAIN)).to(y.dtype)[:, None]
        return activate(y + bias, self.clamp)


class ToRgb(nn.Module):
    """A modulated 1×1 convolution to RGB without demodulation, added to the upsampled image of the previous resolution.

    The sum is computed in float32 (Karras et al. 2020, figure 7, skip connections).
    """

    def __init__(self, layer: StyleLayer, w_width: int, clamp: float | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, layer.channels, 1, 1))
        self.affine = EqualLinear(w_width, layer.channels)
        self.bias = nn.Parameter(torch.zeros(3))
        self.clamp = clamp

    def forward(
        self,
        x: FeatureMaps,
        style: Float[Tensor, "b i"],
        picture: Float[Tensor, "b 3 h2 w2"] | None,
        form: Form | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        rgb = modulated_conv(x, self.weight, style, demodulate=False, form=form).float() + self.bias[:, None, None]
        rgb = rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)
        return rgb if picture is None else upsample(picture) + rgb

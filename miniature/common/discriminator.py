"""Discriminators: a small StyleGAN2 residual discriminator (Karras et al. 2020), a patch discriminator, and R1."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from inst.gan.blocks import EqualLinear
from inst.gan.layers import GAIN, activate

GROUP = 4
"""Group size of minibatch standard deviation: consecutive images of the batch."""


class EqualConv(nn.Module):
    """A convolution with equalised learning rate: the stored weights have unit variance.

    Args:
        gain: factor of the output.
    """

    def __init__(self, width_in: int, width_out: int, side: int, *, bias: bool = True, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in, side, side))
        self.bias = nn.Parameter(torch.zeros(width_out)) if bias else None
        self.scale, self.gain = gain / math.sqrt(width_in * side * side), gain

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * self.gain
        return functional.conv2d(x, self.weight * self.scale, bias, padding=self.weight.shape[-1] // 2)


class Residual(nn.Module):
    """Two convolutions and a skip connection, to half the resolution.

    Average pooling replaces the paper's FIR filter, and comes before the second convolution instead of its stride: the
    number of multiplications is the same, and no filter at full resolution is needed.
    """

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.first = EqualConv(width_in, width_in, 3, gain=GAIN)
        self.second = EqualConv(width_in, width_out, 3, gain=GAIN)
        self.around = EqualConv(width_in, width_out, 1, bias=False, gain=math.sqrt(0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.avg_pool2d(activate(self.first(x)), 2)
        y = activate(self.second(y)) * math.sqrt(0.5)
        return y + self.around(functional.avg_pool2d(x, 2))


class Discriminator(nn.Module):
    """Images (b, 3, size, size), about [-1, 1], to one logit each; high for real ones.

    Args:
        channels: widths at 4, 8, 16 … pixels, as in the generator.
        fold: side of the pixel blocks that are folded into channels before the first convolution; 2 avoids feature maps
            at full resolution.
    """

    def __init__(self, channels: tuple[int, ...], fold: int = 1) -> None:
        super().__init__()
        self.fold = fold
        widths = channels[::-1][int(math.log2(fold)) :]
        self.read = EqualConv(3 * fold**2, widths[0], 1 if fold == 1 else 3, gain=GAIN)
        self.blocks = nn.Sequential(*(Residual(before, after) for before, after in pairwise(widths)))
        last = widths[-1]
        self.mix = EqualConv(last + 1, last, 3, gain=GAIN)
        self.dense, self.judge = EqualLinear(last * 16, last), EqualLinear(last, 1)
        for layer in (self.dense, self.judge):
            nn.init.normal_(layer.weight)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(activate(self.read(functional.pixel_unshuffle(images, self.fold))))
        x = activate(self.mix(append_deviation(x)))
        x = activate(self.dense(x.flatten(1)) * GAIN)
        return self.judge(x).flatten().float()


def append_deviation(x: Tensor) -> Tensor:
    """Append minibatch standard deviation as a constant feature map (Karras et al. 2018)."""
    groups = x.float().unflatten(0, (-1, math.gcd(GROUP, len(x))))
    difference = groups - groups.mean(1, keepdim=True)
    deviation = (difference.square().mean(1) + 1e-8).sqrt().mean((1, 2, 3))
    maps = deviation.repeat_interleave(groups.shape[1])[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, maps.to(x.dtype)], 1)


class PatchDiscriminator(nn.Module):
    """Classifies patches of 26 pixels as real or decoded, given the latents of the image.

    Args:
        latent_channels: channels of the latents, whose side is a quarter of the image's.
        widths: at full, half and quarter resolution.
    """

    def __init__(self, latent_channels: int = 4, widths: tuple[int, int, int] = (32, 64, 96)) -> None:
        super().__init__()
        full, half, quarter = widths
        self.read = EqualConv(3, full, 3, gain=GAIN)
        self.first = EqualConv(full, half, 3, gain=GAIN)
        self.second = EqualConv(half + latent_channels, quarter, 3, gain=GAIN)
        self.third = EqualConv(quarter, quarter, 3, gain=GAIN)
        self.judge = EqualConv(quarter, 1, 1)

    def forward(self, images: Tensor, latents: Tensor) -> Tensor:
        """Images (b, 3, h, w), about [-1, 1], and latents (b, c, h / 4, w / 4) to logits (b, h / 4, w / 4)."""
        x = functional.avg_pool2d(activate(self.read(images)), 2)
        x = functional.avg_pool2d(activate(self.first(x)), 2)
        x = activate(self.second(torch.cat([x, latents.to(x.dtype)], 1)))
        return self.judge(activate(self.third(x))).squeeze(1).float()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): mean over images of the squared gradient norm of the logit, in float32."""
    real = real.detach().float().requires_grad_()
    with torch.autocast(real.device.type, enabled=False):
        logits = discriminator(real)
        (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()

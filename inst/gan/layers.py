"""StyleGAN2's layers as functions of tensors, without custom kernels (Karras et al. 2020, arXiv:1912.04958)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Form = Literal["scaled", "grouped"]
Maps = Float[Tensor, "b c h w"]
SLOPE = 0.2
GAIN = math.sqrt(2)
"""What a leaky ReLU of slope 0.2 is multiplied by, so that the variance stays about 1."""
FIR = (1.0, 3.0, 3.0, 1.0)
"""The low-pass filter at every change of resolution, not normalised; the same along rows and columns."""


def pixel_norm(z: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """Each row with a mean square of 1."""
    return z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)


def activate(x: Tensor, clamp: float | None = None) -> Tensor:
    """A leaky ReLU of what is multiplied by ``GAIN`` already: ``GAIN * leaky_relu(x) = leaky_relu(GAIN * x)``.

    In place: ``x`` is overwritten.

    Args:
        clamp: bound on the result, as StyleGAN2-ADA is trained with.
    """
    x = functional.leaky_relu(x, SLOPE, inplace=True)
    return x if clamp is None else x.clamp(-clamp, clamp)


def upsample(x: Maps) -> Float[Tensor, "b c 2*h 2*w"]:
    """Twice the resolution: zeros between the pixels, then the FIR filter (appendix B, skip connections).

    A transposed convolution does both at once and never multiplies the zeros.
    """
    return functional.conv_transpose2d(x, _kernel(x), stride=2, padding=1, groups=x.shape[1])


def blur_after_upsampling(x: Maps) -> Float[Tensor, "b c h-1 w-1"]:
    """The FIR filter after a transposed convolution, whose 2h + 1 rows become 2h."""
    return functional.conv2d(x, _kernel(x), padding=1, groups=x.shape[1])


def _kernel(x: Tensor) -> Tensor:
    """The filter for each channel; its sum is 4, since zeros took three pixels of four."""
    taps = torch.tensor(FIR, device=x.device, dtype=x.dtype) * (2 / sum(FIR))
    return torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)


def modulation(
    weight: Float[Tensor, "o i k k"], style: Float[Tensor, "b i"], *, demodulate: bool, gain: float = 1.0
) -> tuple[Float[Tensor, "b i"], Float[Tensor, "b o"] | None]:
    """Factors for a convolution's input and output channels, which stand for weights of its own for each picture.

    Scaling input channels is equation 1. Equation 3 divides by the L2 norm of the modulated weights, and that is one
    number an output channel: ``rsqrt(sum_i s_i^2 sum_k w_oik^2 + eps)``. float32 whatever the weights are in.

    Args:
        style: the affine output; the 1/sqrt(fan-in) of equalised weights is put on it here.
        gain: what the convolution's result is to be multiplied by.
    """
    scale = style.float() / math.sqrt(weight[0].numel())
    if not demodulate:
        return scale * gain, None
    power = weight.float().square().sum(dim=(2, 3))
    return scale, torch.rsqrt(scale.square() @ power.T + 1e-8) * gain


def modulated_conv(
    x: Float[Tensor, "b i h w"],
    weight: Float[Tensor, "o i k k"],
    style: Float[Tensor, "b i"],
    *,
    demodulate: bool = True,
    up: bool = False,
    gain: float = 1.0,
    form: Form | None = None,
) -> Float[Tensor, "b o h2 w2"]:
    """A convolution whose weights each picture's style scales.

    Args:
        up: twice the resolution, by a transposed convolution and the FIR filter.
        gain: what the result is multiplied by.
        form: ``scaled`` scales the activations and shares the weights; ``grouped`` scales a copy of the weights for
            each picture. Both are the same function; ``None`` takes the faster. A 1×1 kernel has one form, which is
            the fastest of all: a matrix product with each picture's own weights.
    """
    before, after = modulation(weight, style, demodulate=demodulate, gain=gain)
    if weight.shape[-1] == 1 and not up:
        return (_weights_for_each(weight, before, after).flatten(2) @ x.flatten(2)).unflatten(2, x.shape[2:])
    if (form or choose_form(x, style)) == "grouped":
        y = _grouped(x, _weights_for_each(weight, before, after), up)
    else:
        y = _convolve(x * before.to(x.dtype)[..., None, None], weight, up, groups=1)
        y = y if after is None else y * after.to(y.dtype)[..., None, None]
    return blur_after_upsampling(y) if up else y


def choose_form(x: Tensor, style: Tensor) -> Form:
    """``grouped`` for a single picture without gradients, else ``scaled``.

    One picture's weights are fewer than its activations. Several pictures' weights cost memory and a grouped
    convolution is slow. Where a style is learned, ``grouped`` would compute a gradient for every weight besides.
    """
    learning = torch.is_grad_enabled() and (style.requires_grad or x.requires_grad)
    return "grouped" if len(x) == 1 and not learning else "scaled"


def _weights_for_each(weight: Tensor, before: Tensor, after: Tensor | None) -> Float[Tensor, "b o i k k"]:
    weights = weight.float()[None] * before[:, None, :, None, None]
    weights = weights if after is None else weights * after[:, :, None, None, None]
    return weights.to(weight.dtype)


def _grouped(x: Maps, weights: Float[Tensor, "b o i k k"], up: bool) -> Tensor:
    batch, width = weights.shape[:2]
    y = _convolve(x.reshape(1, -1, *x.shape[2:]), weights.flatten(0, 1), up, groups=batch)
    return y.reshape(batch, width, *y.shape[2:])


def _convolve(x: Tensor, weight: Tensor, up: bool, groups: int) -> Tensor:
    """A convolution that keeps the resolution, or its transpose with stride 2."""
    if not up:
        return functional.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=groups)
    # conv_transpose2d wants input channels first, group by group.
    turned = weight.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return functional.conv_transpose2d(x, turned, stride=2, groups=groups)

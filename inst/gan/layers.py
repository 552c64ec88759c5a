"""The layers of StyleGAN2 as functions of tensors, without custom kernels (Karras et al. 2020, arXiv:1912.04958)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Form = Literal["scaled", "grouped"]
"""Implementation of a modulated convolution, see `modulated_conv`."""
FeatureMaps = Float[Tensor, "b c h w"]
SLOPE = 0.2
GAIN = math.sqrt(2)
"""Gain of the leaky ReLU of slope 0.2, which keeps the variance at about 1."""
FIR = (1.0, 3.0, 3.0, 1.0)
"""Separable low-pass filter used at every change of resolution, not normalised."""


def pixel_norm(z: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """Normalises each row to a mean square of 1 (Karras et al. 2018, section 4.2)."""
    return z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)


def activate(x: Tensor, clamp: float | None = None) -> Tensor:
    """Leaky ReLU of an input that is already multiplied by ``GAIN``: ``GAIN * leaky_relu(x) = leaky_relu(GAIN * x)``.

    It works in place: ``x`` is overwritten.

    Args:
        x: the input, multiplied by ``GAIN``.
        clamp: bound on the absolute value of the result, with which StyleGAN2-ADA is trained.
    """
    x = functional.leaky_relu(x, SLOPE, inplace=True)
    return x if clamp is None else x.clamp(-clamp, clamp)


def upsample(x: FeatureMaps) -> Float[Tensor, "b c 2*h 2*w"]:
    """Doubles the resolution by inserting zeros between pixels and applying the FIR filter (appendix B).

    A transposed convolution does both in one step and does not multiply the zeros.
    """
    return functional.conv_transpose2d(x, _kernel(x), stride=2, padding=1, groups=x.shape[1])


def blur_after_upsampling(x: FeatureMaps) -> Float[Tensor, "b c h-1 w-1"]:
    """Applies the FIR filter after a transposed convolution, whose output of 2h + 1 rows becomes 2h rows."""
    return functional.conv2d(x, _kernel(x), padding=1, groups=x.shape[1])


def _kernel(x: Tensor) -> Tensor:
    """The 2D filter for each channel. It sums to 4 because three of four pixels are inserted zeros."""
    taps = torch.tensor(FIR, device=x.device, dtype=x.dtype) * (2 / sum(FIR))
    return torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)


def modulation(
    weight: Float[Tensor, "o i k k"], style: Float[Tensor, "b i"], *, demodulate: bool, gain: float = 1.0
) -> tuple[Float[Tensor, "b i"], Float[Tensor, "b o"] | None]:
    """Scale factors of the input and output channels that replace per-image modulated weights.

    Modulation (equation 1) scales the input channels. Demodulation (equation 3) divides by the L2 norm of the modulated
    weights, which is one factor per output channel: ``rsqrt(sum_i s_i^2 sum_k w_oik^2 + eps)``.

    Args:
        weight: the shared convolution weights.
        style: output of the affine layer; the factor 1/sqrt(fan-in) of the equalised weights is included here.
        demodulate: whether to compute the factors of the output channels.
        gain: gain of the convolution's result.

    Returns:
        Input and output factors in float32, whatever the dtype of the weights; ``None`` without demodulation.
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
    """Modulated convolution: the style of each image scales the weights (Karras et al. 2020, equations 1 and 3).

    Args:
        x: input feature maps.
        weight: the shared convolution weights.
        style: output of the affine layer.
        demodulate: whether to normalise the modulated weights (equation 3).
        up: double the resolution, by a transposed convolution and the FIR filter.
        gain: factor of the result.
        form: ``scaled`` scales the activations and shares the weights; ``grouped`` scales a copy of the weights for
            each image and uses a grouped convolution. They compute the same function; ``None`` chooses the faster one.
            1×1 kernels always use a matrix product with per-image weights, which is faster than both.
    """
    before, after = modulation(weight, style, demodulate=demodulate, gain=gain)
    if weight.shape[-1] == 1 and not up:
        return (_modulated_weights(weight, before, after).flatten(2) @ x.flatten(2)).unflatten(2, x.shape[2:])
    if (form or choose_form(x, style)) == "grouped":
        y = _grouped(x, _modulated_weights(weight, before, after), up)
    else:
        y = _convolve(x * before.to(x.dtype)[..., None, None], weight, up, groups=1)
        y = y if after is None else y * after.to(y.dtype)[..., None, None]
    return blur_after_upsampling(y) if up else y


def choose_form(x: Tensor, style: Tensor) -> Form:
    """``grouped`` for a single image without gradients, else ``scaled``.

    For a single image, scaling the weights is cheaper than scaling the activations. For several images, the copies of
    the weights cost memory and a grouped convolution is slow. With gradients, ``grouped`` would also compute a gradient
    for every weight.
    """
    needs_grad = torch.is_grad_enabled() and (style.requires_grad or x.requires_grad)
    return "grouped" if len(x) == 1 and not needs_grad else "scaled"


def _modulated_weights(weight: Tensor, before: Tensor, after: Tensor | None) -> Float[Tensor, "b o i k k"]:
    weights = weight.float()[None] * before[:, None, :, None, None]
    weights = weights if after is None else weights * after[:, :, None, None, None]
    return weights.to(weight.dtype)


def _grouped(x: FeatureMaps, weights: Float[Tensor, "b o i k k"], up: bool) -> Tensor:
    batch, width = weights.shape[:2]
    y = _convolve(x.reshape(1, -1, *x.shape[2:]), weights.flatten(0, 1), up, groups=batch)
    return y.reshape(batch, width, *y.shape[2:])


def _convolve(x: Tensor, weight: Tensor, up: bool, groups: int) -> Tensor:
    """A convolution that keeps the resolution, or with ``up`` a transposed convolution with stride 2."""
    if not up:
        return functional.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=groups)
    # conv_transpose2d expects input channels first, group by group.
    transposed = weight.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return functional.conv_transpose2d(x, transposed, stride=2, groups=groups)

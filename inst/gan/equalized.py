"""Linear layers with an equalised learning rate: weights are scaled at run time (Karras et al. 2018, section 4.1)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class EqualLinear(nn.Module):
    """``x (W · lr_mul / √n)ᵀ + b · lr_mul`` for input width n; parameter names as in the published checkpoints.

    Args:
        width_in: input width n.
        width: output width.
        lr_mul: learning-rate multiplier of the parameters.
        activate: append a LeakyReLU of slope 0.2, scaled by √2 to preserve the variance.
    """

    def __init__(self, width_in: int, width: int, *, lr_mul: float = 1.0, activate: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width_in) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(width))
        self.lr_mul, self.activate = lr_mul, activate
        self.scale = lr_mul / math.sqrt(width_in)

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        y = functional.linear(x, self.weight * self.scale, self.bias * self.lr_mul)
        return functional.leaky_relu(y, 0.2) * math.sqrt(2) if self.activate else y

"""Ranger, the optimizer of the published mappers: RAdam, lookahead and gradient centralization in one.

It is our own code because PyTorch provides RAdam, but neither lookahead nor gradient centralization; a dependency for
these fifty lines would have to follow the published mappers' defaults. The tests compare it with `torch.optim.RAdam`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Ranger(torch.optim.Optimizer):
    """Rectified Adam (Liu et al. 2020), every k-th step averaged with slow weights (Zhang et al. 2019), on gradients
    without their mean (Yong et al. 2020).

    Args:
        lr: the published mappers learn with 0.5; their layers scale it by 0.01.
        alpha: how far the slow weights go towards the fast ones.
        k: fast steps between two slow ones.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.999),
        eps: float = 1e-5,
        alpha: float = 0.5,
        k: int = 6,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "alpha": alpha, "k": k})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, _centralised(parameter.grad), group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            zeros = torch.zeros_like(parameter)
            state |= {"step": 0, "mean": zeros, "square": zeros.clone(), "slow": parameter.clone()}
        beta1, beta2 = group["betas"]
        step = int(state["step"]) + 1
        state["step"] = step
        mean = state["mean"].lerp_(gradient, 1 - beta1)
        square = state["square"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        rate = group["lr"] / (1 - beta1**step)
        rectified = rectification(step, beta2)
        if rectified is None:
            parameter.sub_(mean, alpha=rate)
        else:
            parameter.addcdiv_(mean, square.sqrt().add_(group["eps"]), value=-rate * rectified)
        if step % group["k"] == 0:
            parameter.copy_(state["slow"].lerp_(parameter, group["alpha"]))


def rectification(step: int, beta2: float) -> float | None:
    """RAdam's factor with Adam's correction of the squares in it; ``None`` while their variance is not yet known."""
    decay = beta2**step
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * decay / (1 - decay)
    if length <= 5:
        return None
    gain = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return math.sqrt((1 - decay) * gain)


def _centralised(gradient: Tensor) -> Tensor:
    if gradient.ndim < 2:
        return gradient
    return gradient - gradient.mean(dim=tuple(range(1, gradient.ndim)), keepdim=True)

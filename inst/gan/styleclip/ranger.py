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
    """Rectified Adam (Liu et al. 2020) with lookahead (Zhang et al. 2019) and centralised gradients (Yong et al. 2020).

    Args:
        params: the parameters to optimise.
        lr: learning rate. The published mappers use 0.5, and their layers scale it by 0.01.
        betas: decay rates of the running averages of the gradient and of its square.
        eps: term added to the denominator for numerical stability.
        alpha: interpolation factor of the slow weights towards the fast ones.
        k: number of fast steps per slow step.
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
        """One update; returns the loss of ``closure`` if it is given."""
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
    """RAdam's rectification factor including Adam's bias correction of the squares (Liu et al. 2020, algorithm 2).

    ``None`` in the first steps, in which the variance of the adaptive learning rate is not tractable.
    """
    decay = beta2**step
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * decay / (1 - decay)
    if rho <= 5:
        return None
    gain = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    return math.sqrt((1 - decay) * gain)


def _centralised(gradient: Tensor) -> Tensor:
    if gradient.ndim < 2:
        return gradient
    return gradient - gradient.mean(dim=tuple(range(1, gradient.ndim)), keepdim=True)

"""A training run of a generator and a discriminator, and the losses of both."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from miniature.common.training import Budget, Recipe, Run

Autocast = Callable[..., contextlib.AbstractContextManager[object]]
"""Accelerate's function that returns the context of mixed precision."""


@dataclass(frozen=True, kw_only=True)
class AdversarialRecipe:
    """Optimisation of both networks (StyleGAN2, appendix B): constant learning rates, Adam without momentum.

    Attributes:
        lr: learning rate of networks with equalised learning rates.
        generator_lr: of a generator without them; ``None`` for ``lr``.
        penalty: weight γ of R1; ``None`` for 0.04 size² / batch. Drawn images have few colours and sharp edges and are
            easily distinguished from generated ones, so they need more than StyleGAN2-ADA's 0.0002 size² / batch.
        penalty_every: interval of the penalty in steps ("lazy regularisation"); its weight is multiplied by it.
        penalty_share: share of the batch that the penalty is computed on.
        mixing: probability of style mixing.
        half_life: half-life of the weight average in images; it is shorter at first.
        path: weight of path-length regularisation, 2 in the paper; 0 disables it, as is usual for small networks.
        path_every: interval of path-length regularisation in steps.
    """

    batch: int = 16
    lr: float = 0.002
    generator_lr: float | None = None
    penalty: float | None = None
    penalty_every: int = 16
    penalty_share: float = 0.5
    mixing: float = 0.9
    half_life: float = 10_000
    path: float = 0.0
    path_every: int = 8

    def gamma(self, size: int) -> float:
        return 0.04 * size**2 / self.batch if self.penalty is None else self.penalty


class AdversarialRun(Run):
    """Training of a generator and its discriminator: `update_network` for each of them, then `end_step`.

    Each network has its own learning rate. Buffers are part of the saved state.
    """

    def __init__(
        self, folder: Path, generator: nn.Module, discriminator: nn.Module, recipe: AdversarialRecipe, budget: Budget,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.generator, self.discriminator, self.adversarial = generator, discriminator, recipe
        self.path_mean = torch.zeros(())
        modules = {"generator": generator, "discriminator": discriminator}
        super().__init__(folder, modules, Recipe(lr=recipe.lr), budget, seed)

    @property
    def num_images(self) -> int:
        """Number of real images shown so far."""
        return self.step * self.adversarial.batch

    def update_network(self, network: nn.Module, loss: Tensor) -> float:
        """One optimiser step of one network; returns the loss as a number.

        Raises:
            FloatingPointError: the loss or a gradient is not finite; no weights have been changed.
        """
        self.last_loss = float(loss.detach())
        loss.backward()
        size = float(nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None]))
        if not (math.isfinite(self.last_loss) and math.isfinite(size)):
            raise FloatingPointError(f"loss is {self.last_loss}, its gradient {size} at step {self.step}")
        self.optimizer.step()  # the other network has no gradients and is not changed
        self.optimizer.zero_grad(set_to_none=True)
        return self.last_loss

    def end_step(self) -> None:
        """Count the step and update the weight average; its half-life is at most 5 % of the images shown so far."""
        self.step += 1
        half_life = min(self.adversarial.half_life, 0.05 * self.num_images)
        decay = 0.5 ** (self.adversarial.batch / half_life)
        torch._foreach_lerp_(self.params_ema, [p.detach() for p in self.params], 1 - decay)

    def _build_optimizer(self) -> torch.optim.Optimizer:
        """Adam with a parameter group for each network, corrected for the extra steps of lazy regularisation."""
        intervals = {self.generator: self.adversarial.path_every if self.adversarial.path else None}
        intervals[self.discriminator] = self.adversarial.penalty_every
        rates = {
            self.generator: self.adversarial.generator_lr or self.adversarial.lr,
            self.discriminator: self.adversarial.lr,
        }
        groups = []
        for network, interval in intervals.items():
            share = interval / (interval + 1) if interval else 1.0
            betas = (0.0, 0.99**share)
            groups.append({"params": list(network.parameters()), "lr": rates[network] * share, "betas": betas})
        return torch.optim.Adam(groups, fused=True)

    def _buffers(self) -> dict[str, Tensor]:
        buffers = {
            f"buffer/{key}.{name}": buffer
            for key, module in self.modules.items()
            for name, buffer in module.named_buffers()
        }
        return buffers | {"path_mean": self.path_mean}

    def _tensors(self) -> dict[str, Tensor]:
        return super()._tensors() | {name: buffer.contiguous() for name, buffer in self._buffers().items()}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        super()._restore(tensors)
        for name, buffer in self._buffers().items():
            buffer.copy_(tensors[name])


def generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating loss, −log σ(logit) of generated images (Goodfellow et al. 2014)."""
    return functional.softplus(-fake).mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The logistic loss: −log σ of logits of real images and −log(1 − σ) of those of generated images."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def path_lengths(images: Tensor, w_plus: Tensor, noise: Tensor) -> Tensor:
    """|J^T y| of each image (Karras et al. 2020, equation 4), where J is the Jacobian of the image in its code.

    Args:
        noise: y, standard normal, of the images' shape.
    """
    side = math.sqrt(images.shape[2] * images.shape[3])
    (gradient,) = torch.autograd.grad((images * noise).sum() / side, w_plus, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()

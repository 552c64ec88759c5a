"""A run of two networks that learn by turns, and the losses of both."""

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
"""Accelerate's: makes the context that lowers precision."""


@dataclass(frozen=True, kw_only=True)
class DuelRecipe:
    """How the two sides learn (StyleGAN2, appendix B): constant rates, Adam without momentum.

    Attributes:
        lr: of sides with equalised learning rates.
        generator_lr: of a generator without them; ``None`` takes ``lr``.
        penalty: weight γ of R1; ``None`` takes 0.04 size² / batch. Drawn pictures have few colours and sharp edges and
            are told from made ones at once: they need more of it than StyleGAN2-ADA's 0.0002 size² / batch.
        penalty_every: steps from one penalty to the next ("lazy regularisation"): weighed as many times as much.
        penalty_share: part of the batch that the penalty is computed on.
        mixing: share of pictures whose layers follow two codes.
        memory: pictures until half of the averaged generator is new; shorter at first.
        path: weight of path-length regularisation, 2 in the paper; 0 leaves it out, as small networks do.
        path_every: steps from one to the next.
    """

    batch: int = 16
    lr: float = 0.002
    generator_lr: float | None = None
    penalty: float | None = None
    penalty_every: int = 16
    penalty_share: float = 0.5
    mixing: float = 0.9
    memory: float = 10_000
    path: float = 0.0
    path_every: int = 8

    def gamma(self, size: int) -> float:
        return 0.04 * size**2 / self.batch if self.penalty is None else self.penalty


class Duel(Run):
    """A generator and its discriminator, which move in turn: `take_turn` for each side, then `end_step`.

    Each side has rates of its own. Buffers are part of the state.
    """

    def __init__(
        self, folder: Path, generator: nn.Module, discriminator: nn.Module, recipe: DuelRecipe, budget: Budget,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.generator, self.discriminator, self.duel = generator, discriminator, recipe
        self.path_mean = torch.zeros(())
        modules = {"generator": generator, "discriminator": discriminator}
        super().__init__(folder, modules, Recipe(lr=recipe.lr), budget, seed)

    @property
    def pictures(self) -> int:
        """Real pictures shown so far."""
        return self.step * self.duel.batch

    def take_turn(self, side: nn.Module, loss: Tensor) -> float:
        """One update of one side from its loss alone; the loss as a number.

        Raises:
            FloatingPointError: the loss or a gradient is not finite; nothing was changed.
        """
        self.last_loss = float(loss.detach())
        loss.backward()
        size = float(nn.utils.get_total_norm([p.grad for p in side.parameters() if p.grad is not None]))
        if not (math.isfinite(self.last_loss) and math.isfinite(size)):
            raise FloatingPointError(f"loss is {self.last_loss}, its gradient {size} at step {self.step}")
        self.optimizer.step()  # the other side holds no gradients, so it stays
        self.optimizer.zero_grad(set_to_none=True)
        return self.last_loss

    def end_step(self) -> None:
        """Count the step and let the averages follow; their half-life is at most a twentieth of what was shown."""
        self.step += 1
        half_life = min(self.duel.memory, 0.05 * self.pictures)
        kept = 0.5 ** (self.duel.batch / half_life)
        torch._foreach_lerp_(self.params_ema, [p.detach() for p in self.params], 1 - kept)

    def _build_optimizer(self) -> torch.optim.Optimizer:
        """One Adam with a group a side, whose rates allow for the extra updates of lazy regularisation."""
        every = {self.generator: self.duel.path_every if self.duel.path else None}
        every[self.discriminator] = self.duel.penalty_every
        rates = {self.generator: self.duel.generator_lr or self.duel.lr, self.discriminator: self.duel.lr}
        groups = []
        for side, steps in every.items():
            share = steps / (steps + 1) if steps else 1.0
            betas = (0.0, 0.99**share)
            groups.append({"params": list(side.parameters()), "lr": rates[side] * share, "betas": betas})
        return torch.optim.Adam(groups, fused=True)

    def _buffers(self) -> dict[str, Tensor]:
        own = {
            f"buffer/{key}.{name}": buffer
            for key, module in self.modules.items()
            for name, buffer in module.named_buffers()
        }
        return own | {"path_mean": self.path_mean}

    def _tensors(self) -> dict[str, Tensor]:
        return super()._tensors() | {name: buffer.contiguous() for name, buffer in self._buffers().items()}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        super()._restore(tensors)
        for name, buffer in self._buffers().items():
            buffer.copy_(tensors[name])


def generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating loss, −log σ(logit) of made pictures (Goodfellow et al. 2014)."""
    return functional.softplus(-fake).mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The logistic loss: −log σ of real logits and −log(1 − σ) of made ones."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def path_lengths(pictures: Tensor, w_plus: Tensor, noise: Tensor) -> Tensor:
    """|J^T y| of each picture (Karras et al. 2020, equation 4): how far it moves along y as its code does.

    Args:
        noise: y, normal, of the pictures' shape.
    """
    side = math.sqrt(pictures.shape[2] * pictures.shape[3])
    (gradient,) = torch.autograd.grad((pictures * noise).sum() / side, w_plus, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()

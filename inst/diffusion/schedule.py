"""The noise schedule and the timesteps that samplers visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError
from inst.shapes import Latents, Timesteps

EpsModel = Callable[[Latents, Timesteps], Latents]
"""What a sampler knows of a model: noisy latents and their timesteps in, the noise in them out."""


@dataclass(frozen=True)
class NoiseSchedule:
    """A variance-preserving schedule: ``x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps``.

    Attributes:
        alpha_bar: the cumulative products of DDPM (Ho et al. 2020, eq. 4), falling, one for each training timestep.
        steps_offset: what is added to every timestep of a sampler; 1 for Stable Diffusion 1.x.
    """

    alpha_bar: Float[Tensor, "t"]
    steps_offset: int = 1

    def __len__(self) -> int:
        return len(self.alpha_bar)

    def at(self, t: Timesteps, like: Tensor) -> Tensor:
        """``alpha_bar`` at each timestep, shaped to multiply ``like``."""
        values = self.alpha_bar.to(like.device)[t.to(like.device)]
        return values.to(like.dtype).reshape(-1, *(1,) * (like.ndim - 1))

    def timestep_of(self, strength: float) -> int:
        """The timestep that a strength in [0, 1] noises to: ``int(strength * 1000)``, at most the last one."""
        return min(int(strength * len(self)), len(self) - 1)

    def timesteps(self, num_steps: int) -> list[int]:
        """The evenly spaced timesteps of DDIM with "leading" spacing, falling: 981, 961 … 1 for 50 of 1000.

        Raises:
            ConfigError: more steps than the schedule has.
        """
        if not 1 <= num_steps <= len(self):
            raise ConfigError(f"num-steps={num_steps} is out of range: give 1 to {len(self)}")
        stride = len(self) // num_steps
        return [min(i * stride + self.steps_offset, len(self) - 1) for i in reversed(range(num_steps))]

    def last_timesteps(self, num_steps: int, strength: float) -> list[int]:
        """The part of :meth:`timesteps` that a strength runs: its last ``int(strength * num_steps)``, at least one."""
        return self.timesteps(num_steps)[-count_steps(num_steps, strength) :]


def count_steps(num_steps: int, strength: float) -> int:
    """How many of ``num_steps`` a strength in [0, 1] runs: ``int(strength * num_steps)``, at least one.

    The small addend keeps a product such as 0.58 * 50 = 28.999999999999996 from losing a step.
    """
    return max(1, min(int(strength * num_steps + 1e-9), num_steps))


def add_noise(schedule: NoiseSchedule, x0: Latents, eps: Latents, t: Timesteps) -> Latents:
    """Clean latents brought to timestep ``t`` with the given noise (DDPM, eq. 4)."""
    alpha_bar = schedule.at(t, x0)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def remove_noise(schedule: NoiseSchedule, xt: Latents, eps: Latents, t: Timesteps) -> Latents:
    """The clean latents that a prediction of the noise implies: :func:`add_noise` solved for ``x0``."""
    alpha_bar = schedule.at(t, xt)
    return (xt - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()


def all_at(t: int, latents: Tensor) -> Timesteps:
    """The same timestep for each element of a batch."""
    return torch.full((latents.shape[0],), t, dtype=torch.long, device=latents.device)

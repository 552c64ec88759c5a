"""The noise schedule, and the timesteps at which samplers evaluate the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError
from inst.shapes import Latents, Timesteps

EpsModel = Callable[[Latents, Timesteps], Latents]
"""A noise predictor: takes noisy latents and their timesteps, and returns the noise predicted in them."""


@dataclass(frozen=True)
class NoiseSchedule:
    """A variance-preserving noise schedule: ``x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps``.

    Attributes:
        alpha_bar: the cumulative products of DDPM (Ho et al. 2020, eq. 4) in (0, 1), decreasing, one for each training
            timestep.
        steps_offset: an offset added to every sampling timestep; 1 for Stable Diffusion 1.x.

    >>> import torch
    >>> NoiseSchedule(torch.linspace(0.999, 0.005, 1000)).timesteps(4)
    [751, 501, 251, 1]
    """

    alpha_bar: Float[Tensor, "t"]
    steps_offset: int = 1

    def __len__(self) -> int:
        return len(self.alpha_bar)

    def alpha_bar_at(self, t: Timesteps, like: Tensor) -> Tensor:
        """``alpha_bar`` at each timestep of the batch, in the precision of ``like`` and broadcastable to it."""
        values = self.alpha_bar.to(like.device)[t.to(like.device)]
        return values.to(like.dtype).reshape(-1, *(1,) * (like.ndim - 1))

    def timestep_of(self, strength: float) -> int:
        """The timestep of an img2img strength in [0, 1]: ``int(strength * len(self))``, at most the last timestep."""
        return min(int(strength * len(self)), len(self) - 1)

    def timesteps(self, num_steps: int) -> list[int]:
        """Evenly spaced timesteps in descending order, with diffusers' "leading" spacing: 981, 961, …, 1 for 50 steps.

        Raises:
            ConfigError: ``num_steps`` is below 1 or above the number of training timesteps.
        """
        if not 1 <= num_steps <= len(self):
            raise ConfigError(f"num-steps={num_steps} is out of range: give 1 to {len(self)}")
        stride = len(self) // num_steps
        return [min(i * stride + self.steps_offset, len(self) - 1) for i in reversed(range(num_steps))]

    def last_timesteps(self, num_steps: int, strength: float) -> list[int]:
        """The timesteps of an img2img run: the last ``int(strength * num_steps)`` of :meth:`timesteps`, at least one.

        Args:
            num_steps: number of steps at strength 1.
            strength: in [0, 1].

        Raises:
            ConfigError: as in :meth:`timesteps`.
        """
        return self.timesteps(num_steps)[-count_steps(num_steps, strength) :]


def count_steps(num_steps: int, strength: float) -> int:
    """How many of ``num_steps`` a strength in [0, 1] runs: ``int(strength * num_steps)``, at least one.

    The small addend keeps a product such as 0.58 * 50 = 28.999999999999996 from losing a step.
    """
    return max(1, min(int(strength * num_steps + 1e-9), num_steps))


def add_noise(schedule: NoiseSchedule, x0: Latents, eps: Latents, t: Timesteps) -> Latents:
    """Add the noise ``eps`` to the clean latents ``x0``, at the noise level of timestep ``t`` (DDPM, eq. 4)."""
    alpha_bar = schedule.alpha_bar_at(t, x0)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def remove_noise(schedule: NoiseSchedule, xt: Latents, eps: Latents, t: Timesteps) -> Latents:
    """The clean latents implied by the predicted noise ``eps``: :func:`add_noise` solved for ``x0``."""
    alpha_bar = schedule.alpha_bar_at(t, xt)
    return (xt - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()


def expand_timestep(t: int, latents: Tensor) -> Timesteps:
    """One timestep repeated for each element of the batch ``latents``, on its device."""
    return torch.full((latents.shape[0],), t, dtype=torch.long, device=latents.device)

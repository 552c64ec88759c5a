"""Deterministic DDIM sampling (Song et al. 2021, "Denoising Diffusion Implicit Models", eq. 12 with sigma = 0).

It is our own code rather than diffusers' ``DDIMScheduler`` because the step is two lines, made of the same `add_noise`
and `remove_noise` as stochastic inversion, and needs no scheduler object with state. The tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, expand_timestep, remove_noise
from inst.shapes import Latents


class SamplerStep(NamedTuple):
    """The result of one sampling step.

    Attributes:
        position: index of the step, from 0.
        timestep: the timestep that the model was evaluated at.
        latents: the latents after the step.
        x0: the clean latents that the step's prediction implies.
    """

    position: int
    timestep: int
    latents: Latents
    x0: Latents


def ddim_step(schedule: NoiseSchedule, xt: Latents, eps: Latents, t: int, t_prev: int) -> tuple[Latents, Latents]:
    """One DDIM step from timestep ``t`` to the less noisy ``t_prev``.

    A negative ``t_prev`` is the end of sampling and uses the schedule's first alpha_bar instead of 1. That is Stable
    Diffusion's convention (``set_alpha_to_one=False`` in diffusers).

    Args:
        schedule: the noise schedule.
        xt: the latents at timestep ``t``.
        eps: the noise predicted in ``xt``.
        t, t_prev: timesteps, ``t_prev < t``.

    Returns:
        The latents at ``t_prev``, and the clean latents x0 that ``eps`` implies.
    """
    x0 = remove_noise(schedule, xt, eps, expand_timestep(t, xt))
    return add_noise(schedule, x0, eps, expand_timestep(max(t_prev, 0), xt)), x0


def ddim_sample(
    eps_model: EpsModel, schedule: NoiseSchedule, latents: Latents, timesteps: Sequence[int], stride: int
) -> Iterator[SamplerStep]:
    """Denoise ``latents`` and yield the result of each step. Progress bars, previews and saving are left to the caller.

    Args:
        eps_model: predicts the noise in latents.
        schedule: the noise schedule.
        latents: noised to the first of ``timesteps``.
        timesteps: in descending order, spaced by ``stride``.
        stride: the distance between consecutive timesteps, also used for the last step.
    """
    for index, t in enumerate(timesteps):
        eps = eps_model(latents, expand_timestep(t, latents))
        latents, x0 = ddim_step(schedule, latents, eps, t, t - stride)
        yield SamplerStep(index, t, latents, x0)

"""Deterministic DDIM sampling (Song et al. 2021, eq. 12 with sigma = 0)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, all_at, remove_noise
from inst.shapes import Latents


class SamplerStep(NamedTuple):
    """One step of a sampler."""

    position: int
    timestep: int
    latents: Latents
    """The latents after the step."""
    x0: Latents
    """The clean latents that the step's prediction implies."""


def ddim_step(schedule: NoiseSchedule, xt: Latents, eps: Latents, t: int, t_prev: int) -> tuple[Latents, Latents]:
    """One step from timestep ``t`` to ``t_prev``.

    Args:
        t_prev: a negative value means the end, whose alpha_bar is the schedule's first. That last value
            (``set_alpha_to_one=False`` in diffusers) is Stable Diffusion's convention.

    Returns:
        The latents at ``t_prev``, and the clean latents x0 that ``eps`` implies.
    """
    x0 = remove_noise(schedule, xt, eps, all_at(t, xt))
    return add_noise(schedule, x0, eps, all_at(max(t_prev, 0), xt)), x0


def ddim_sample(
    eps_model: EpsModel, schedule: NoiseSchedule, latents: Latents, timesteps: Sequence[int], stride: int
) -> Iterator[SamplerStep]:
    """Denoise ``latents`` along decreasing ``timesteps``, each step ``stride`` timesteps long, one step at a time."""
    for index, t in enumerate(timesteps):
        eps = eps_model(latents, all_at(t, latents))
        latents, x0 = ddim_step(schedule, latents, eps, t, t - stride)
        yield SamplerStep(index, t, latents, x0)

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


def ddim_step(schedule: NoiseSchedule, xt: Latents, eps: Latents, t: int, t_prev: int) -> Latents:
    """From timestep ``t`` to ``t_prev``; a negative ``t_prev`` means the end, whose alpha_bar is the schedule's first.

    That last value (``set_alpha_to_one=False`` in diffusers) is Stable Diffusion's convention.
    """
    x0 = remove_noise(schedule, xt, eps, all_at(t, xt))
    return add_noise(schedule, x0, eps, all_at(max(t_prev, 0), xt))


def ddim_sample(
    eps_model: EpsModel, schedule: NoiseSchedule, latents: Latents, timesteps: Sequence[int], stride: int
) -> Iterator[SamplerStep]:
    """Denoise ``latents`` along falling ``timesteps``, each step ``stride`` timesteps long.

    Yields a step at a time; bars, previews and saving are the caller's.
    """
    for index, t in enumerate(timesteps):
        eps = eps_model(latents, all_at(t, latents))
        latents = ddim_step(schedule, latents, eps, t, t - stride)
        yield SamplerStep(index, t, latents)

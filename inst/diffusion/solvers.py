"""The samplers to choose from: DDIM of our own, DPM-Solver++ and UniPC from diffusers, behind one function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch

from inst.diffusion.ddim import SamplerStep, ddim_sample
from inst.diffusion.schedule import EpsModel, NoiseSchedule, all_at, remove_noise
from inst.shapes import Latents

Sampler = Literal["ddim", "dpm++", "unipc"]
SAMPLERS: tuple[Sampler, ...] = ("ddim", "dpm++", "unipc")


def start_timesteps(sampler: Sampler, schedule: NoiseSchedule, num_steps: int, strength: float) -> list[int]:
    """The timesteps that ``sample`` will visit; the first is where plain img2img noises to."""
    if sampler == "ddim":
        return schedule.last_timesteps(num_steps, strength)
    timesteps = _scheduler(sampler, schedule, num_steps).timesteps.tolist()
    count = max(1, min(int(strength * num_steps + 1e-9), num_steps))
    return timesteps[-count:]


def sample(
    sampler: Sampler,
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    latents: Latents,
    *,
    num_steps: int,
    strength: float = 1.0,
) -> Iterator[SamplerStep]:
    """Denoise from the timestep of ``strength`` to the end; ``num_steps`` counts the steps of strength 1.

    Args:
        latents: noised to the first of :func:`start_timesteps`, or pure noise for strength 1.
    """
    if sampler == "ddim":
        timesteps = schedule.last_timesteps(num_steps, strength)
        yield from ddim_sample(eps_model, schedule, latents, timesteps, stride=len(schedule) // num_steps)
        return
    scheduler = _scheduler(sampler, schedule, num_steps)
    timesteps = start_timesteps(sampler, schedule, num_steps, strength)
    scheduler.set_begin_index(len(scheduler.timesteps) - len(timesteps))
    for index, t in enumerate(timesteps):
        eps = eps_model(latents, all_at(t, latents))
        x0 = remove_noise(schedule, latents, eps, all_at(t, latents))
        latents = scheduler.step(eps, t, latents, return_dict=False)[0]
        yield SamplerStep(index, t, latents, x0)


def _scheduler(sampler: Sampler, schedule: NoiseSchedule, num_steps: int) -> Any:
    """A scheduler of diffusers on our schedule, for noise prediction (v is converted before it gets here)."""
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    common: Mapping[str, Any] = {
        "num_train_timesteps": len(schedule),
        "trained_betas": _betas(schedule).tolist(),
        "prediction_type": "epsilon",
        "solver_order": 2,
        "timestep_spacing": "leading",
        "steps_offset": schedule.steps_offset,
    }
    if sampler == "unipc":
        scheduler = UniPCMultistepScheduler(**common)
    else:
        scheduler = DPMSolverMultistepScheduler(**common, algorithm_type="dpmsolver++", final_sigmas_type="zero")
    scheduler.set_timesteps(num_steps)
    return scheduler


def _betas(schedule: NoiseSchedule) -> torch.Tensor:
    alpha_bar = schedule.alpha_bar.double().cpu()
    previous = torch.cat([torch.ones(1, dtype=torch.double), alpha_bar[:-1]])
    return 1 - alpha_bar / previous

"""All samplers behind one function: our own DDIM, and DPM-Solver++ and UniPC from diffusers.

DDIM is implemented in this package because its deterministic step is two lines, and it is tested against diffusers. The
multistep solvers keep a history of predictions, which diffusers' schedulers manage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch

from inst.diffusion.ddim import SamplerStep, ddim_sample
from inst.diffusion.schedule import EpsModel, NoiseSchedule, count_steps, expand_timestep, remove_noise
from inst.shapes import Latents

Sampler = Literal["ddim", "dpm++", "unipc"]
SAMPLERS: tuple[Sampler, ...] = ("ddim", "dpm++", "unipc")


def start_timesteps(sampler: Sampler, schedule: NoiseSchedule, num_steps: int, strength: float) -> list[int]:
    """The timesteps at which :func:`sample` evaluates the model, in descending order.

    The first one is the noise level that plain img2img starts from.

    Args:
        sampler: name of the sampler.
        schedule: the noise schedule.
        num_steps: number of steps at strength 1.
        strength: in [0, 1].

    Raises:
        ConfigError: more steps than the schedule has timesteps (DDIM).
    """
    if sampler == "ddim":
        return schedule.last_timesteps(num_steps, strength)
    timesteps = _scheduler(sampler, schedule, num_steps).timesteps.tolist()
    return timesteps[-count_steps(num_steps, strength) :]


def sample(
    sampler: Sampler,
    eps_model: EpsModel,
    schedule: NoiseSchedule,
    latents: Latents,
    *,
    num_steps: int,
    strength: float = 1.0,
) -> Iterator[SamplerStep]:
    """Denoise ``latents`` from the timestep of ``strength`` to the end, and yield the result of each step.

    DDIM: Song et al. 2021; DPM-Solver++ (2M): Lu et al. 2022; UniPC: Zhao et al. 2023. The last two are second-order
    multistep solvers and need about a third of DDIM's steps.

    Args:
        sampler: ``ddim``, ``dpm++`` or ``unipc``.
        eps_model: predicts the noise in latents.
        schedule: the noise schedule.
        latents: noised to the first of :func:`start_timesteps`, or pure noise for strength 1.
        num_steps: number of steps at strength 1; a lower strength runs that fraction of them.
        strength: in [0, 1]; 1 denoises from pure noise.

    Raises:
        ConfigError: more steps than the schedule has timesteps (DDIM).

    >>> import torch
    >>> schedule = NoiseSchedule(torch.linspace(0.999, 0.005, 1000))
    >>> noise = torch.randn(1, 4, 8, 8)
    >>> for step in sample("ddim", lambda x, t: 0.1 * x, schedule, noise, num_steps=10, strength=0.2):
    ...     print(step.position, step.timestep, tuple(step.latents.shape))
    0 101 (1, 4, 8, 8)
    1 1 (1, 4, 8, 8)
    """
    if sampler == "ddim":
        timesteps = schedule.last_timesteps(num_steps, strength)
        yield from ddim_sample(eps_model, schedule, latents, timesteps, stride=len(schedule) // num_steps)
        return
    scheduler = _scheduler(sampler, schedule, num_steps)
    timesteps = start_timesteps(sampler, schedule, num_steps, strength)
    scheduler.set_begin_index(len(scheduler.timesteps) - len(timesteps))
    for index, t in enumerate(timesteps):
        eps = eps_model(latents, expand_timestep(t, latents))
        x0 = remove_noise(schedule, latents, eps, expand_timestep(t, latents))
        latents = scheduler.step(eps, t, latents, return_dict=False)[0]
        yield SamplerStep(index, t, latents, x0)


def _scheduler(sampler: Sampler, schedule: NoiseSchedule, num_steps: int) -> Any:
    """A diffusers scheduler with our noise schedule. It expects noise: v-prediction is converted by the model."""
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

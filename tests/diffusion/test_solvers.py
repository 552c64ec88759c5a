"""Samplers against those of diffusers and on a model with a known solution."""

import pytest
import torch
from diffusers import DDIMScheduler
from torch.testing import assert_close

from inst.diffusion.schedule import NoiseSchedule, add_noise, expand_timestep
from inst.diffusion.solvers import SAMPLERS, sample, start_timesteps
from inst.errors import ConfigError

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def diffusers_ddim(num_steps):
    scheduler = DDIMScheduler(**SD, set_alpha_to_one=False, clip_sample=False)
    scheduler.set_timesteps(num_steps)
    return scheduler


def schedule():
    return NoiseSchedule(diffusers_ddim(10).alphas_cumprod)


def eps_model(x, t):
    return 0.8 * x * torch.cos(t.reshape(-1, 1, 1, 1) / 700) + 0.1


@pytest.mark.parametrize("num_steps", [1, 7, 30, 50])
def test_ddim_matches_diffusers(num_steps):
    scheduler, x = diffusers_ddim(num_steps), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    *_, ours = sample("ddim", eps_model, schedule(), x, num_steps=num_steps)
    for t in scheduler.timesteps:
        x = scheduler.step(eps_model(x, expand_timestep(int(t), x)), t, x).prev_sample
    assert_close(ours.latents, x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_every_sampler_recovers_a_known_image(sampler, strength):
    """For a distribution with a single image the exact noise prediction is known; samplers must return the image."""
    s, x0 = schedule(), torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))

    def exact(x, t):
        alpha_bar = s.alpha_bar_at(t, x)
        return (x - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()

    first = start_timesteps(sampler, s, 20, strength)[0]
    start = add_noise(s, x0, torch.randn_like(x0), expand_timestep(first, x0))
    *_, last = sample(sampler, exact, s, start, num_steps=20, strength=strength)
    assert (last.latents - x0).abs().max() < 0.13  # DDIM ends at the first alpha_bar, which leaves 3 % noise
    assert last.position + 1 == len(start_timesteps(sampler, s, 20, strength))


def test_more_steps_than_the_schedule_has_are_refused():
    with pytest.raises(ConfigError, match="1 to 1000"):
        schedule().timesteps(1001)

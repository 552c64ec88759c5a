"""Stochastic inversion and AdaIN against the outputs of the published InST code."""

import math

import torch
from torch.testing import assert_close

from inst.diffusion.ddim import ddim_sample
from inst.diffusion.guidance import guide
from inst.diffusion.schedule import NoiseSchedule
from inst.diffusion.stochastic_inversion import invert_stochastically
from inst.diffusion.tone import adain

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


def stable_diffusion_schedule():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return NoiseSchedule((1 - betas).cumprod(0))


def analytic(c):
    return lambda x, t: 0.8 * x * torch.cos(t.reshape(-1, 1, 1, 1) / 700) + c


def test_stylization_matches_the_reference_output(golden, fill):
    expected = golden("stochastic_inversion")
    schedule = stable_diffusion_schedule()
    x0, noise = fill.fill("a/latents", (1, 4, 8, 8)), fill.fill("a/noise", (1, 4, 8, 8))
    inverted = invert_stochastically(analytic(0.15), schedule, x0, noise, schedule.timestep_of(0.7))
    assert_close(inverted.predicted_noise, expected["predicted_noise"], **TOLERANCE)
    assert_close(inverted.latents, expected["inverted"], **TOLERANCE)

    def both(x, t):
        return torch.cat([analytic(-0.05)(*half) for half in [(x[:1], t[:1])]] + [analytic(0.15)(x[1:], t[1:])])

    timesteps = schedule.last_timesteps(50, 0.7)
    assert timesteps == expected["timesteps"].tolist()
    *_, last = ddim_sample(guide(both, 10.0), schedule, inverted.latents, timesteps, stride=20)
    assert_close(last.latents, expected["stylised"], **TOLERANCE)


def test_adain_matches_the_reference_output(golden, fill):
    result = adain(fill.fill("a/content", (2, 4, 16, 16)), 0.5 * fill.fill("a/style", (2, 4, 16, 16)) + 0.3)
    assert_close(result, golden("adain")["toned"], **TOLERANCE)


def test_adain_with_a_variance_small_enough_for_its_epsilon_to_matter(golden, fill):
    content, style = 1e-3 * fill.fill("a/content", (1, 4, 8, 8)), fill.fill("a/style", (1, 4, 8, 8))
    assert_close(adain(content, style), golden("adain_small")["toned"], atol=1e-5, rtol=1e-5)


def test_timesteps_of_strengths_stay_inside_the_schedule():
    schedule = stable_diffusion_schedule()
    assert schedule.timestep_of(1.0) == 999
    assert schedule.timestep_of(0.6) == 600
    assert math.isclose(schedule.alpha_bar[0].item(), 1 - 0.00085, rel_tol=1e-6)

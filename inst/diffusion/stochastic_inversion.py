"""Stochastic inversion: a starting noise that preserves the structure of the photo.

Zhang et al. 2023, "Inversion-Based Style Transfer with Diffusion Models" (InST), section 3.3, equation 6.
"""

from __future__ import annotations

from typing import NamedTuple

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, expand_timestep
from inst.shapes import Latents

PUBLISHED_STEPS = 50
"""DDIM steps of the published method."""


class Inverted(NamedTuple):
    """The latents from which the stylization starts.

    Attributes:
        latents: the clean latents with the predicted noise added.
        predicted_noise: the noise that the model predicted.
    """

    latents: Latents
    predicted_noise: Latents


def inversion_timestep(schedule: NoiseSchedule, strength: float, first: int, num_steps: int) -> int:
    """The timestep up to which the inversion adds noise before DDIM sampling.

    As published it is ``int(strength * 1000)``, which with 50 steps lies up to 29 timesteps beyond the first one that
    DDIM visits, where img2img starts. With fewer, longer steps the gap would grow, and its noise would remain in the
    picture: where it is a published step (20 timesteps) or more, the inversion then stops at ``first`` too.

    Args:
        schedule: the noise schedule.
        strength: in [0, 1].
        first: the first timestep that DDIM visits.
        num_steps: DDIM steps at strength 1.
    """
    t = schedule.timestep_of(strength)
    published_stride = len(schedule) // PUBLISHED_STEPS
    return first if num_steps < PUBLISHED_STEPS and t - first >= published_stride else t


def invert_stochastically(
    eps_model: EpsModel, schedule: NoiseSchedule, x0: Latents, noise: Latents, t: int
) -> Inverted:
    """Add random noise to ``x0``, predict it once, and add the *predicted* noise to the clean ``x0`` instead.

    The noise that the model predicts at ``t`` also contains what it does not explain of the photo. Starting from it
    instead of from random noise therefore preserves the structure of the photo (InST, eq. 6).

    Args:
        eps_model: conditioned on the style prompt, without guidance.
        schedule: the noise schedule.
        x0: the clean latents of the photo.
        noise: seeded standard normal noise of the shape of ``x0``.
        t: the timestep of the noise level, in both steps.
    """
    timesteps = expand_timestep(t, x0)
    predicted = eps_model(add_noise(schedule, x0, noise, timesteps), timesteps)
    return Inverted(add_noise(schedule, x0, predicted, timesteps), predicted)

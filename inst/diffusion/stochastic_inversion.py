"""Stochastic inversion: noise that remembers the photo (Zhang et al. 2023, section 3.3, equation 6)."""

from __future__ import annotations

from typing import NamedTuple

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, all_at
from inst.shapes import Latents

PUBLISHED_STRIDE = 20
"""Timesteps from one of the published 50 DDIM steps to the next."""


class Inverted(NamedTuple):
    """The start of a stylization."""

    latents: Latents
    """The clean latents noised with the predicted noise."""
    predicted_noise: Latents


def inversion_timestep(schedule: NoiseSchedule, strength: float, first: int) -> int:
    """The timestep that the inversion noises to before DDIM, whose first timestep is ``first``.

    As published it is ``int(strength * 1000)``, which with 50 steps is 19 timesteps past ``first``, where img2img
    starts. With fewer, longer steps the gap would grow and its noise would stay in the picture; then the inversion
    noises to ``first``, too. Before every other sampler it always does.
    """
    t = schedule.timestep_of(strength)
    return first if t - first >= PUBLISHED_STRIDE else t


def invert_stochastically(
    eps_model: EpsModel, schedule: NoiseSchedule, x0: Latents, noise: Latents, t: int
) -> Inverted:
    """Noise ``x0`` to ``t``, predict that noise once, and noise the *clean* ``x0`` to the same ``t`` with it.

    What the model takes for noise at ``t`` holds what it did not recognise of the photo; starting from it instead of
    from chance keeps the photo's structure.

    Args:
        eps_model: conditioned on the style prompt, without guidance.
        noise: seeded standard normal noise of the shape of ``x0``.
    """
    timesteps = all_at(t, x0)
    predicted = eps_model(add_noise(schedule, x0, noise, timesteps), timesteps)
    return Inverted(add_noise(schedule, x0, predicted, timesteps), predicted)

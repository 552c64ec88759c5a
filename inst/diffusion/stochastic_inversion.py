"""Stochastic inversion: noise that remembers the photo (Zhang et al. 2023, section 3.3, equation 6)."""

from __future__ import annotations

from typing import NamedTuple

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, all_at
from inst.shapes import Latents


class Inverted(NamedTuple):
    """The start of a stylization."""

    latents: Latents
    """The clean latents noised with the predicted noise."""
    predicted_noise: Latents


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

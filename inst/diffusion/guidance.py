"""Classifier-free guidance: it wraps a noise predictor into another."""

from __future__ import annotations

from inst.diffusion.schedule import EpsModel
from inst.shapes import Latents, Timesteps


def guide(eps_both: EpsModel, guidance_scale: float) -> EpsModel:
    """``eps_u + scale (eps_c - eps_u)`` (Ho & Salimans 2022, eq. 6, in Stable Diffusion's form).

    Args:
        eps_both: predicts for a batch of twice the size, whose first half is unconditional and second half conditional;
            one call for both is what a GPU, and a CPU, is quicker with.
        guidance_scale: 1 is no guidance.
    """

    def guided(latents: Latents, t: Timesteps) -> Latents:
        eps_u, eps_c = eps_both(latents.repeat(2, 1, 1, 1), t.repeat(2)).chunk(2)
        return eps_u + guidance_scale * (eps_c - eps_u)

    return guided

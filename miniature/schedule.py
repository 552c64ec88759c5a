"""The noise schedule: Stable Diffusion's, shifted for smaller pictures."""

from __future__ import annotations

import numpy as np
from diffusers import DDIMScheduler

TIMESTEPS, TAPER = 1000, 200


def shifted_betas(size: int = 256, reference: int = 512) -> np.ndarray:
    """(1000,) betas of the scaled-linear schedule with log-SNR + 2 ln(reference / size) (Hoogeboom et al., 2023).

    At equal noise a small picture loses more of its structure than a large one; with the shift a strength means about
    the same at both. The shift falls to zero over the last 200 timesteps, so that the last is near pure noise.
    """
    betas = np.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS) ** 2
    alpha_bar = np.cumprod(1 - betas)
    log_snr = np.log(alpha_bar / (1 - alpha_bar))
    taper = np.clip((TIMESTEPS - 1 - np.arange(TIMESTEPS)) / TAPER, 0, 1)
    log_snr = log_snr + 2 * np.log(reference / size) * taper
    shifted = 1 / (1 + np.exp(-log_snr))
    ratio = shifted / np.concatenate([[1.0], shifted[:-1]])
    if (ratio >= 1).any():
        raise ValueError("the shifted schedule is not monotone; use a smaller shift or a longer taper")
    return 1 - ratio


def scheduler() -> DDIMScheduler:
    """As the toolkit reads it from `scheduler_config.json`."""
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        trained_betas=[float(b) for b in shifted_betas()],
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        prediction_type="epsilon",
    )

"""The noise schedule: Stable Diffusion's, shifted for a lower resolution; and the training noise."""

from __future__ import annotations

import math

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor
from torch.nn import functional

TIMESTEPS = 1000
OFFSET, SMOOTH, CELL = 0.7, 0.3, 8
SHIFT = 2 * math.log(512 / 256)
"""Shift of the log-SNR from 512 px to 256 px, as in "simple diffusion" (Hoogeboom et al. 2023, eq. 6)."""
TAPER = 900
"""The shift fades from this timestep on, so that the last timestep is as noisy as Stable Diffusion's."""


def scheduler() -> DDIMScheduler:
    """The scheduler as it is exported to `scheduler_config.json`.

    A small picture loses its composition at a lower noise level than a large one. With Stable Diffusion's own schedule,
    almost nothing of the photo is left at strengths above 0.7.
    """
    alpha_bar = 1 / (1 + np.exp(-shifted_log_snr()))
    betas = 1 - alpha_bar / np.concatenate([[1.0], alpha_bar[:-1]])
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        trained_betas=[float(f"{beta:.6g}") for beta in betas],
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        prediction_type="epsilon",
    )


def shifted_log_snr() -> np.ndarray:
    """(1000,) ``ln(alpha_bar / (1 - alpha_bar))``, decreasing."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS) ** 2
    alpha_bar = np.cumprod(1 - betas)
    fade = np.clip((np.arange(TIMESTEPS) - TAPER) / (TIMESTEPS - 1 - TAPER), 0, 1) ** 2
    return np.log(alpha_bar / (1 - alpha_bar)) + SHIFT * (1 - fade)


def training_noise(like: Tensor) -> Tensor:
    """White noise plus low-frequency noise plus noise that is constant over the picture ("offset noise").

    With white noise alone, a picture's colours remain visible at nearly every timestep, so the model does not learn to
    take them from the conditioning, and a photo keeps its palette at any strength.

    Args:
        like: (b, 4, h, w) latents.
    """
    b, c, h, w = like.shape
    eps = torch.randn_like(like)
    slow = torch.randn(b, c, max(2, h // CELL), max(2, w // CELL), device=like.device)
    slow = functional.interpolate(slow, (h, w), mode="bilinear", align_corners=True)
    return eps + SMOOTH * slow + OFFSET * torch.randn(b, c, 1, 1, device=like.device)

"""The noise schedule: Stable Diffusion's, shifted for the smaller picture."""

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
"""Of the log-SNR, as in "simple diffusion" (Hoogeboom et al. 2023, eq. 6) for 256 px beside 512 px."""
TAPER = 900
"""From this timestep on the shift fades, so that the last one is as noisy as Stable Diffusion's."""


def scheduler() -> DDIMScheduler:
    """As the toolkit reads it from `scheduler_config.json`.

    A small picture loses its composition under less noise than a large one, so under Stable Diffusion's own schedule
    every strength from 0.7 on asked for a picture made from almost nothing.
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
    """(1000,) ``ln(alpha_bar / (1 - alpha_bar))``, falling."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS) ** 2
    alpha_bar = np.cumprod(1 - betas)
    fade = np.clip((np.arange(TIMESTEPS) - TAPER) / (TIMESTEPS - 1 - TAPER), 0, 1) ** 2
    return np.log(alpha_bar / (1 - alpha_bar)) + SHIFT * (1 - fade)


def training_noise(like: Tensor) -> Tensor:
    """White noise with a part that varies slowly and one that is constant over the picture ("offset noise").

    Under white noise alone a picture's colours show through at nearly every timestep, so nothing asks the conditioning
    for them, and a photo keeps its own palette at any strength. With this noise the prompt has to bring the palette.

    Args:
        like: (b, 4, h, w) latents.
    """
    b, c, h, w = like.shape
    eps = torch.randn_like(like)
    slow = torch.randn(b, c, max(2, h // CELL), max(2, w // CELL), device=like.device)
    slow = functional.interpolate(slow, (h, w), mode="bilinear", align_corners=True)
    return eps + SMOOTH * slow + OFFSET * torch.randn(b, c, 1, 1, device=like.device)

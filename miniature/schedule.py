"""The noise schedule: Stable Diffusion's own."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler
from torch import Tensor
from torch.nn import functional

TIMESTEPS = 1000
OFFSET, SMOOTH, CELL = 0.7, 0.3, 8


def scheduler() -> DDIMScheduler:
    """As the toolkit reads it from `scheduler_config.json`.

    256 px are 64×64 latents here, as many as 512 px are in Stable Diffusion, so a strength means the same. With the
    schedule shifted for 256 px a strength of 0.6 hardly touched a photo.
    """
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        prediction_type="epsilon",
    )


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

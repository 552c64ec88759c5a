"""A picture from a prompt with styles in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch

from inst import seeds
from inst.diffusion.schedule import NoiseSchedule
from inst.diffusion.solvers import sample
from inst.models.latent_diffusion import LatentDiffusion
from inst.shapes import Image
from inst.stylize.photo import Style, decode_in_memory, guided_model


@torch.no_grad()
def generate(
    model: LatentDiffusion,
    style: Style,
    *,
    height: int,
    width: int,
    batch: int,
    seed: int,
    num_steps: int,
    guidance_scale: float,
    sampler: Literal["ddim", "dpm++", "unipc"] = "ddim",
    transport: float = 0.0,
) -> Iterator[Image | None]:
    """Make ``batch`` pictures. Yields ``None`` after each step, then the pictures (b, 3, height, width).

    Args:
        height, width: any size; the model works at the next one it can divide, and the picture is cut to size.
        transport: how far every step moves the pictures' patches to the painting's, where the style has them, 0–1.
        seed: the j-th picture starts from the noise of ``seed + j``.
    """
    multiple = model.size_multiple
    lh, lw = (-(-side // multiple) * multiple // model.factor for side in (height, width))
    latents = seeds.noise(seed, (batch, model.latent_channels, lh, lw)).to(model.placement.device)
    schedule = NoiseSchedule(model.alphas_cumprod, model.steps_offset)
    eps_model = guided_model(model, schedule, style, guidance_scale, batch, transport)
    for step in sample(sampler, eps_model, schedule, latents, num_steps=num_steps):
        latents = step.latents
        yield None
    yield decode_in_memory(model, latents).float().cpu()[..., :height, :width]

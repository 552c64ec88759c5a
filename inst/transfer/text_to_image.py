"""A picture from a prompt with styles in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from inst import seeds
from inst.diffusion.schedule import NoiseSchedule
from inst.diffusion.solvers import sample
from inst.finite import check_values
from inst.models.latent_diffusion import LatentDiffusion
from inst.transfer.photo import PictureStep, StyleConditioning, decode_in_memory, guided_model


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """:class:`inst.transfer.settings.GenerateSettings` with every default filled in.

    Attributes:
        height, width: of the pictures in pixels; any size. The model works at the next size it can divide.
        transport: how far each step moves the latent patches to the painting's, 0–1.
        seed: the j-th picture of a batch starts from the noise of ``seed + j``.
    """

    height: int
    width: int
    num_steps: int
    guidance_scale: float
    seed: int = 0
    sampler: Literal["ddim", "dpm++", "unipc"] = "ddim"
    transport: float = 0.0


@torch.no_grad()
def generate(
    model: LatentDiffusion, style: StyleConditioning, settings: TextSettings, batch: int = 1
) -> Iterator[PictureStep]:
    """Make ``batch`` pictures, one denoising step at a time; the last step has them, (b, 3, height, width)."""
    s, multiple, total = settings, model.size_multiple, settings.num_steps + 1
    lh, lw = (-(-side // multiple) * multiple // model.factor for side in (s.height, s.width))
    latents = seeds.noise(s.seed, (batch, model.latent_channels, lh, lw)).to(model.placement.device)
    schedule = NoiseSchedule(model.alphas_cumprod, model.steps_offset)
    eps_model = guided_model(model, schedule, style, s.guidance_scale, batch, s.transport)
    for step in sample(s.sampler, eps_model, schedule, latents, num_steps=s.num_steps):
        latents = check_values(step.latents, f"step {step.position + 1} of {total - 1} on {model.name}")
        yield PictureStep(step.position + 1, total, x0=step.x0)
    images = decode_in_memory(model, latents).float().cpu()[..., : s.height, : s.width]
    yield PictureStep(total, total, images=images)

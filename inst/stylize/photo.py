"""A photo under a style: encode, invert, denoise, decode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from inst import seeds
from inst.colour import keep_colors
from inst.diffusion.guidance import guide
from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, all_at
from inst.diffusion.solvers import sample, start_timesteps
from inst.diffusion.stochastic_inversion import inversion_timestep, invert_stochastically
from inst.diffusion.tone import Tone, with_tone
from inst.diffusion.transport import PatchDistribution, with_transport
from inst.image import fit, restore
from inst.models.latent_diffusion import LatentDiffusion
from inst.shapes import Conditioning, Image, Latents


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a stylization needs of a style.

    Attributes:
        conditioning: (1, s, d), the prompt with the style's vectors in it.
        unconditional: (1, s, d), the negative prompt, often empty.
        tone: the painting's, where it is wanted.
        patches: the painting's, where they are wanted.
        weight: of all styles together; below 1 it takes that share of the transport, too.
    """

    conditioning: Conditioning
    unconditional: Conditioning
    tone: Tone | None = None
    patches: PatchDistribution | None = None
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PhotoSettings:
    """:class:`inst.stylize.settings.StylizeSettings` with every default filled in."""

    strength: float
    num_steps: int
    guidance_scale: float
    seed: int
    sampler: Literal["ddim", "dpm++", "unipc"]
    tone: float
    transport: float
    keep_colors: bool
    inversion: bool
    resolution: int


@torch.no_grad()
def stylize(model: LatentDiffusion, contents: Image, style: Style, settings: PhotoSettings) -> Iterator[Image | None]:
    """Give ``contents`` the style. Yields ``None`` after each denoising step, then the pictures, of the contents' size.

    Args:
        contents: photos of one size; the j-th starts from the noise of ``settings.seed + j``.
    """
    if settings.strength == 0:
        yield contents
        return
    fitted, back = fit(contents, settings.resolution, model.size_multiple)
    latents = x0 = model.encode(fitted)
    if settings.tone and style.tone is not None:
        x0 = torch.lerp(x0, with_tone(x0, Tone(*(part.to(x0) for part in style.tone))), settings.tone)
    for latents in denoise(model, x0, style, settings):  # noqa: B007  (the last one is decoded)
        yield None
    result = restore(decode_in_memory(model, latents).float().cpu(), back)
    yield keep_colors(result, contents) if settings.keep_colors else result


def decode_in_memory(model: LatentDiffusion, latents: Latents) -> Float[Tensor, "b 3 ph pw"]:
    """Decode at once, or in tiles where the memory does not suffice for that."""
    try:
        return model.decode(latents)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return model.decode(latents, tiled=True)


def denoise(model: LatentDiffusion, x0: Latents, style: Style, settings: PhotoSettings) -> Iterator[Latents]:
    """From clean latents to stylized ones, a step at a time."""
    schedule = NoiseSchedule(model.alphas_cumprod, model.steps_offset)
    noise = seeds.noise(settings.seed, x0.shape).to(x0)
    start = noised_start(model, schedule, x0, noise, style, settings)
    eps_model = guided_model(model, schedule, style, settings.guidance_scale, len(x0), settings.transport)
    for step in sample(
        settings.sampler, eps_model, schedule, start, num_steps=settings.num_steps, strength=settings.strength
    ):
        yield step.latents


def noised_start(
    model: LatentDiffusion,
    schedule: NoiseSchedule,
    x0: Latents,
    noise: Latents,
    style: Style,
    settings: PhotoSettings,
) -> Latents:
    """Where denoising starts: the stochastic inversion, or (the ablation) plain noise as img2img takes it."""
    first = start_timesteps(settings.sampler, schedule, settings.num_steps, settings.strength)[0]
    if not settings.inversion:
        return add_noise(schedule, x0, noise, all_at(first, x0))
    t = inversion_timestep(schedule, settings.strength, first) if settings.sampler == "ddim" else first
    conditional = model.eps_model(style.conditioning.expand(len(x0), -1, -1))
    return invert_stochastically(conditional, schedule, x0, noise, t).latents


def guided_model(
    model: LatentDiffusion, schedule: NoiseSchedule, style: Style, guidance_scale: float, batch: int, transport: float
) -> EpsModel:
    """The noise predictor under guidance and transport; without guidance the unconditional half is not computed."""
    conditioning = style.conditioning.expand(batch, -1, -1)
    if guidance_scale == 1:
        eps_model = model.eps_model(conditioning)
    else:
        both = torch.cat([style.unconditional.expand(batch, -1, -1), conditioning])
        eps_model = guide(model.eps_model(both), guidance_scale)
    share = transport * min(max(style.weight, 0.0), 1.0)
    if not share or style.patches is None:
        return eps_model
    return with_transport(eps_model, schedule, style.patches, share)

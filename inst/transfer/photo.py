"""A photo in a style: encode, invert, denoise, decode (Zhang et al. 2023, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from inst import seeds
from inst.colour import keep_colors
from inst.diffusion.ddim import SamplerStep
from inst.diffusion.guidance import guide
from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise, count_steps, expand_timestep
from inst.diffusion.solvers import sample, start_timesteps
from inst.diffusion.stochastic_inversion import inversion_timestep, invert_stochastically
from inst.diffusion.tone import Tone, with_tone
from inst.diffusion.transport import PatchDistribution, with_transport
from inst.finite import check_values
from inst.image import Restore, fit, restore
from inst.models.latent_diffusion import LatentDiffusion
from inst.shapes import Conditioning, Image, Latents


@dataclass(frozen=True, kw_only=True)
class StyleConditioning:
    """What sampling needs to know of a style.

    Attributes:
        conditioning: (1, s, d), the prompt with the style's token vectors in it.
        unconditional: (1, s, d), the negative prompt, often empty.
        tone: the painting's channel statistics, where tone is transferred.
        patches: the painting's patch distribution, where patches are transported.
        strength: total weight of the styles; below 1 it scales the transport as well.
    """

    conditioning: Conditioning
    unconditional: Conditioning
    tone: Tone | None = None
    patches: PatchDistribution | None = None
    strength: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PhotoSettings:
    """:class:`inst.transfer.settings.StylizeSettings` with every default filled in."""

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

    @property
    def total_steps(self) -> int:
        """Denoising steps that this strength runs; 0 for strength 0."""
        return count_steps(self.num_steps, self.strength) if self.strength else 0


@dataclass(frozen=True)
class PictureStep:
    """One step of making pictures.

    Attributes:
        step: steps done so far, from 1.
        total: of how many; decoding counts as the last one.
        x0: the clean latents that the step's noise prediction implies; ``None`` at the last step.
        images: the finished pictures (b, 3, h, w) in [-1, 1] on the CPU; ``None`` before the last step.
        back: undoes the resizing and padding of the input; ``None`` where there was none.
    """

    step: int
    total: int
    x0: Latents | None = None
    images: Image | None = None
    back: Restore | None = None


@torch.no_grad()
def stylize(
    model: LatentDiffusion, contents: Image, style: StyleConditioning, settings: PhotoSettings
) -> Iterator[PictureStep]:
    """Give ``contents`` the style, one denoising step at a time; the last step has pictures of the contents' size.

    Args:
        contents: photos of one size, (b, 3, h, w) in [-1, 1]; the j-th starts from the noise of ``settings.seed + j``.
    """
    total = settings.total_steps + 1
    if settings.strength == 0:
        yield PictureStep(1, 1, images=contents)
        return
    fitted, back = fit(contents, settings.resolution, model.size_multiple)
    latents = x0 = model.encode(fitted)
    if settings.tone and style.tone is not None:
        x0 = torch.lerp(x0, with_tone(x0, Tone(*(part.to(x0) for part in style.tone))), settings.tone)
    for step in denoise(model, x0, style, settings):
        latents = check_values(step.latents, f"step {step.position + 1} of {total - 1} on {model.name}")
        yield PictureStep(step.position + 1, total, x0=step.x0, back=back)
    result = restore(decode_in_memory(model, latents).float().cpu(), back)
    yield PictureStep(total, total, images=keep_colors(result, contents) if settings.keep_colors else result)


def decode_in_memory(model: LatentDiffusion, latents: Latents) -> Float[Tensor, "b 3 ph pw"]:
    """Decode at once, or in tiles where the memory does not suffice for that."""
    try:
        return model.decode(latents)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return model.decode(latents, tiled=True)


def denoise(
    model: LatentDiffusion, x0: Latents, style: StyleConditioning, settings: PhotoSettings
) -> Iterator[SamplerStep]:
    """From clean latents to stylized ones, one step at a time."""
    schedule = NoiseSchedule(model.alphas_cumprod, model.steps_offset)
    noise = seeds.noise(settings.seed, x0.shape).to(x0)
    start = noised_start(model, schedule, x0, noise, style, settings)
    eps_model = guided_model(model, schedule, style, settings.guidance_scale, len(x0), settings.transport)
    yield from sample(
        settings.sampler, eps_model, schedule, start, num_steps=settings.num_steps, strength=settings.strength
    )


def noised_start(
    model: LatentDiffusion,
    schedule: NoiseSchedule,
    x0: Latents,
    noise: Latents,
    style: StyleConditioning,
    settings: PhotoSettings,
) -> Latents:
    """The latents that denoising starts from: stochastic inversion, or (the ablation) plain noise as in img2img."""
    first = start_timesteps(settings.sampler, schedule, settings.num_steps, settings.strength)[0]
    if not settings.inversion:
        return add_noise(schedule, x0, noise, expand_timestep(first, x0))
    t = first
    if settings.sampler == "ddim":
        t = inversion_timestep(schedule, settings.strength, first, settings.num_steps)
    conditional = model.eps_model(style.conditioning.expand(len(x0), -1, -1))
    return invert_stochastically(conditional, schedule, x0, noise, t).latents


def guided_model(
    model: LatentDiffusion,
    schedule: NoiseSchedule,
    style: StyleConditioning,
    guidance_scale: float,
    batch: int,
    transport: float,
) -> EpsModel:
    """The noise predictor with guidance and transport; without guidance the unconditional half is not computed."""
    conditioning = style.conditioning.expand(batch, -1, -1)
    if guidance_scale == 1:
        eps_model = model.eps_model(conditioning)
    else:
        both = torch.cat([style.unconditional.expand(batch, -1, -1), conditioning])
        eps_model = guide(model.eps_model(both), guidance_scale)
    share = transport * min(max(style.strength, 0.0), 1.0)
    if not share or style.patches is None:
        return eps_model
    return with_transport(eps_model, schedule, style.patches, share)

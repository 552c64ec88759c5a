"""InST's stochastic inversion as a diffusers pipeline.

A style is loaded as an exported textual-inversion file, as in any other Stable Diffusion pipeline of diffusers.

>>> import inst.diffusers
>>> inst.diffusers.StochasticInversionImg2ImgPipeline.__base__.__name__
'StableDiffusionImg2ImgPipeline'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.image_processor import PipelineImageInput
from diffusers.pipelines.stable_diffusion.pipeline_output import StableDiffusionPipelineOutput
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import StableDiffusionImg2ImgPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from inst.diffusion.schedule import NoiseSchedule, count_steps
from inst.diffusion.stochastic_inversion import inversion_timestep
from inst.errors import ModelError
from inst.models.latent_diffusion import noise_from_v
from inst.shapes import Image, Latents

__all__ = ["StochasticInversionImg2ImgPipeline"]


@dataclass
class _Inversion:
    """What the inversion needs from a call, recorded while diffusers' own ``__call__`` computes it."""

    strength: float
    num_steps: int = 0
    prompt_embeds: Tensor | None = None
    """(b, s, d), without the negative prompt."""
    image_embeds: list[Tensor] | None = None
    """One tensor for each IP-Adapter, without the negative half."""


class StochasticInversionImg2ImgPipeline(StableDiffusionImg2ImgPipeline):
    """`diffusers.StableDiffusionImg2ImgPipeline` that starts from InST's stochastic inversion of the image.

    img2img noises the image's latents with random noise. Stochastic inversion (Zhang et al. 2023, "Inversion-Based
    Style Transfer with Diffusion Models", section 3.3, equation 6) has the U-Net predict that noise once, under the
    prompt and without guidance, and noises the clean latents with the prediction instead. The result keeps more of the
    image's structure at the same strength, for one more evaluation of the U-Net.

    Everything else works as in diffusers' pipeline: ``from_pretrained``, ``from_single_file``, ``from_pipe`` (which
    converts the networks to float32 unless it is given a ``dtype``), ``load_textual_inversion``,
    ``load_lora_weights``, ``load_ip_adapter``, offloading, and any scheduler. Models: Stable Diffusion 1.x and 2.x.

    With `diffusers.DDIMScheduler`, float32, and a generator ``torch.Generator("cpu").manual_seed(seed + j)`` for the
    image at position j, the result is that of ``inst stylize --tone 0 --transport 0`` with the same prompt, strength,
    steps, guidance and seed, up to rounding. Tone and patch transport are not part of this pipeline.

    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from inst.assets import mini_folder
        >>> from inst.diffusers import StochasticInversionImg2ImgPipeline
        >>> pipe = StochasticInversionImg2ImgPipeline.from_pretrained(mini_folder(), dtype=torch.float32)
        >>> photo = Image.new("RGB", (64, 64), "skyblue")
        >>> generator = torch.Generator("cpu").manual_seed(0)
        >>> pipe("a painting", photo, strength=0.6, num_inference_steps=5, generator=generator).images[0].size
        (64, 64)
    """

    _inversion: _Inversion | None = None

    def __call__(
        self,
        prompt: str | list[str] | None = None,
        image: PipelineImageInput | None = None,
        strength: float = 0.8,
        *args: Any,
        inversion: bool = True,
        **kwargs: Any,
    ) -> StableDiffusionPipelineOutput | tuple[Any, ...]:
        """Generate images from ``image`` and ``prompt``.

        Args:
            prompt: one for all images, or a list with one for each. Leave it out to give ``prompt_embeds``.
            image: whatever diffusers' pipeline takes: PIL images, arrays (b, h, w, 3) or tensors (b, 3, h, w) in
                [0, 1], tensors in [-1, 1], or latents (b, 4, lh, lw). As many as there are prompts, or one for all.
            strength: in [0, 1]. The last ``int(strength * num_inference_steps)`` steps are run; with the inversion at
                least one. With the inversion and a DDIM scheduler the image is noised to timestep
                ``int(strength * 1000)``; with fewer than 50 steps, if that is 20 or more above the first timestep
                visited, to that first timestep. With other schedulers it is always the first timestep visited.
            inversion: False is exactly `diffusers.StableDiffusionImg2ImgPipeline`. True encodes the image to the mean
                of the autoencoder's posterior, as ``inst stylize`` does, where diffusers samples from it; the generator
                then only draws the noise.
            args, kwargs: diffusers' other arguments, in its order: ``num_inference_steps``, ``guidance_scale``,
                ``negative_prompt``, ``num_images_per_prompt``, ``generator``, ``prompt_embeds``, ``ip_adapter_image``,
                ``output_type``, ``return_dict``, ``callback_on_step_end`` and so on.

        Returns:
            As in diffusers: an output with ``images`` and ``nsfw_content_detected``, or with ``return_dict=False`` a
            tuple of the two.

        Raises:
            ValueError: an argument that diffusers refuses, or a list of generators of another length than the images.
            ModelError: the scheduler's ``prediction_type`` is neither ``epsilon`` nor ``v_prediction``.
        """
        self._inversion = _Inversion(strength) if inversion else None
        try:
            return super().__call__(prompt, image, strength, *args, **kwargs)  # pyright: ignore[reportArgumentType]
        finally:
            self._inversion = None

    def encode_prompt(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """As in diffusers; the prompt's embeddings are recorded for the inversion."""
        prompt_embeds, negative_prompt_embeds = super().encode_prompt(*args, **kwargs)
        if self._inversion is not None:
            self._inversion.prompt_embeds = prompt_embeds
        return prompt_embeds, negative_prompt_embeds

    def prepare_ip_adapter_image_embeds(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        """As in diffusers; the embeddings of the adapters' images are recorded for the inversion."""
        embeds = super().prepare_ip_adapter_image_embeds(*args, **kwargs)
        if self._inversion is not None:
            guided = self.do_classifier_free_guidance
            self._inversion.image_embeds = [each.chunk(2)[1] if guided else each for each in embeds]
        return embeds

    def get_timesteps(
        self, num_inference_steps: int, strength: float, device: torch.device | str
    ) -> tuple[Tensor, int]:
        """As in diffusers; with the inversion at least one step, and none lost to rounding (0.58 of 50 steps is 29)."""
        if self._inversion is not None:
            self._inversion.num_steps = num_inference_steps
            # diffusers truncates the product of the two: with half a step added it is this count despite rounding
            strength = (count_steps(num_inference_steps, strength) + 0.5) / num_inference_steps
        return super().get_timesteps(num_inference_steps, strength, device)

    def prepare_latents(
        self,
        image: Tensor,
        timestep: Tensor,
        batch_size: int,
        num_images_per_prompt: int,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Latents:
        """The latents that denoising starts from: diffusers' noised latents, or the stochastic inversion.

        Args:
            image: (b, 3, h, w) in [-1, 1], or latents (b, 4, lh, lw).
            timestep: (b,), the first timestep that the scheduler visits, for each image.
        """
        rest = (batch_size, num_images_per_prompt, dtype, device, generator)
        if self._inversion is None:
            return super().prepare_latents(image, timestep, *rest)
        _check_generators(generator, batch_size * num_images_per_prompt)
        image = image.to(device=device, dtype=dtype)
        x0 = image if image.shape[1] == self.vae.config["latent_channels"] else self._encode_mean(image)
        if isinstance(self.scheduler, DDIMScheduler):
            schedule = NoiseSchedule(self.scheduler.alphas_cumprod)
            t = inversion_timestep(schedule, self._inversion.strength, int(timestep[0]), self._inversion.num_steps)
            timestep = torch.full_like(timestep, t)
        # latents are not encoded again: this repeats them for every prompt and adds random noise
        noised = super().prepare_latents(x0, timestep, *rest)
        x0 = x0.repeat(len(noised) // len(x0), 1, 1, 1)
        predicted = self._predict_noise(noised, timestep, self._inversion)
        return self._add_noise(x0, predicted, timestep)

    def _encode_mean(self, image: Image) -> Latents:
        return self.vae.config["scaling_factor"] * self.vae.encode(image).latent_dist.mode()

    def _predict_noise(self, noised: Latents, timestep: Tensor, inversion: _Inversion) -> Latents:
        """The noise that the U-Net predicts under the prompt, without guidance."""
        scaled = self.scheduler.scale_model_input(noised, timestep[0])
        images = inversion.image_embeds
        prediction = self.unet(
            scaled,
            timestep[0],
            encoder_hidden_states=inversion.prompt_embeds,
            timestep_cond=self._guidance_embedding(noised),
            cross_attention_kwargs=self.cross_attention_kwargs,
            added_cond_kwargs=None if images is None else {"image_embeds": images},
            return_dict=False,
        )[0]
        kind = self.scheduler.config["prediction_type"]
        if kind == "epsilon":
            return prediction
        if kind != "v_prediction":
            raise ModelError(f"its U-Net predicts {kind!r}; epsilon and v_prediction are supported")
        return noise_from_v(prediction, scaled, self._alpha_bar(noised, timestep)).to(noised)

    def _guidance_embedding(self, latents: Latents) -> Tensor | None:
        """The call's guidance scale, embedded for a U-Net that guidance was distilled into (LCM); None for others."""
        width = self.unet.config["time_cond_proj_dim"]
        if width is None:
            return None
        scale = torch.full((len(latents),), (self.guidance_scale or 0.0) - 1)
        return self.get_guidance_scale_embedding(scale, embedding_dim=width).to(latents)

    def _add_noise(self, x0: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        scheduler: Any = self.scheduler  # each kind is annotated with another type of timesteps
        return scheduler.add_noise(x0, noise, timestep)

    def _alpha_bar(self, latents: Latents, timestep: Tensor) -> Tensor:
        """alpha_bar at ``timestep``, from how the scheduler weights image and noise (Euler keeps the image)."""
        one = torch.ones_like(latents[:, :1, :1, :1], dtype=torch.float32)
        signal = self._add_noise(one, torch.zeros_like(one), timestep) ** 2
        noise = self._add_noise(torch.zeros_like(one), one, timestep) ** 2
        return signal / (signal + noise)


def _check_generators(generator: torch.Generator | list[torch.Generator] | None, count: int) -> None:
    """diffusers checks this only where it encodes the images itself."""
    if isinstance(generator, list) and len(generator) != count:
        raise ValueError(f"got {len(generator)} generators for {count} images: give one for each, or one for all")

"""A frozen latent diffusion model: encoding images to latents, decoding latents, and predicting the noise in latents.

Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from inst.errors import InstWarning, ModelError
from inst.finite import check_values
from inst.models.settings import ModelDefaults
from inst.models.source import PredictionType
from inst.models.text import TextConditioner
from inst.placement import Placement
from inst.shapes import Conditioning, Image, Latents, Timesteps

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

SCHEDULE_KEYS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
"""Keys of a scheduler's configuration that determine alpha_bar, whichever sampler the configuration is for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentDiffusion:
    """The networks of a latent diffusion model, frozen and in evaluation mode, and their settings.

    Gradients flow through every method to its tensor arguments, but not to weights.

    Attributes:
        name: how the model is called in messages: a hub id, the name of the folder or file, or ``mini``.
        revision_hash: a fingerprint of the weights, independent of the file format and the precision.
        vae: the autoencoder.
        unet: the denoising U-Net.
        text: the tokenizer and the text encoder.
        schedule_config: the scheduler's configuration, as in its file.
        alphas_cumprod: alpha_bar of each timestep, float32 on the CPU.
        prediction_type: what the U-Net predicts. :meth:`predict_noise` returns noise in either case.
        defaults: the settings that the model works best with.
        placement: the device and the precision of the networks.
        clip_name: the CLIP model that matches the text encoder, a name for ``inst.clip.load_clip``.
        folder: the folder of the model's files; None for a single file.
    """

    name: str
    revision_hash: str
    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text: TextConditioner
    schedule_config: Mapping[str, Any]
    alphas_cumprod: Tensor
    prediction_type: PredictionType
    defaults: ModelDefaults
    placement: Placement
    clip_name: str
    folder: Path | None = None

    @property
    def latent_channels(self) -> int:
        """Number of channels of the latents."""
        return self.vae.config["latent_channels"]

    @property
    def factor(self) -> int:
        """The autoencoder's downsampling factor: the side in pixels of one latent position."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    @property
    def size_multiple(self) -> int:
        """The number of pixels that height and width must be divisible by, so that all U-Net levels halve evenly."""
        return self.factor * 2 ** (len(self.unet.config["block_out_channels"]) - 1)

    @property
    def steps_offset(self) -> int:
        """The offset that samplers add to every timestep; 1 for Stable Diffusion."""
        return int(self.schedule_config.get("steps_offset", 0))

    def encode(self, images: Image, *, tiled: bool = False) -> Latents:
        """Encode images to latents: the mean of the posterior, scaled to about unit variance, float32.

        Args:
            images: (b, 3, h, w), sRGB in [-1, 1], with sides divisible by :attr:`factor`.
            tiled: encode in overlapping tiles, for images that do not fit into memory at once.
        """
        assert images.shape[-2] % self.factor == 0 and images.shape[-1] % self.factor == 0, images.shape
        with _tiling(self.vae, tiled):
            mean = self._autoencoder.encode(self._place(images)).latent_dist.mean.float()
        return check_values((mean - self._shift) * self._scale, f"the picture that {self.name} encoded")

    def decode(self, latents: Latents, *, tiled: bool = False) -> Image:
        """Decode latents to images (b, 3, h, w) in [-1, 1], float32.

        The decoder can overflow in half precision (SD 2.1 in float16). It is then run again in float32, with an
        InstWarning.

        Args:
            latents: scaled as :meth:`encode` returns them.
            tiled: decode in overlapping tiles, for images that do not fit into memory at once.
        """
        unscaled = latents.float() / self._scale + self._shift
        with _tiling(self.vae, tiled):
            images = self._autoencoder.decode(self._place(unscaled)).sample
            if self.placement.dtype != torch.float32 and not torch.isfinite(images).all():
                images = self._decode_in_float32(unscaled)
        return check_values(images.float(), f"the picture that {self.name} decoded").clamp(-1, 1)

    def _decode_in_float32(self, unscaled: Tensor) -> Tensor:
        warnings.warn("the decoder overflowed in half precision; it is run again in float32", InstWarning, stacklevel=3)
        self._autoencoder.to(torch.float32)
        try:
            return self._autoencoder.decode(unscaled.to(self.placement.device)).sample
        finally:
            self._autoencoder.to(self.placement.dtype)

    def predict_noise(self, latents: Latents, timesteps: Timesteps, conditioning: Conditioning) -> Latents:
        """Predict the noise in latents, float32. A v-prediction is converted to noise.

        Args:
            latents: noisy latents (b, c, lh, lw).
            timesteps: the timestep of each element of the batch.
            conditioning: (b, s, d), from :meth:`TextConditioner.encode_prompt`.
        """
        latents = latents.to(self.placement.device)
        timesteps = timesteps.to(self.placement.device)
        prediction = self.unet(self._place(latents), timesteps, self._place(conditioning)).sample.float()
        if self.prediction_type == "epsilon":
            return prediction
        alpha_bar = self.alphas_cumprod.to(latents.device)[timesteps].view(-1, 1, 1, 1)
        return noise_from_v(prediction, latents.float(), alpha_bar)

    def eps_model(self, conditioning: Conditioning) -> Callable[[Latents, Timesteps], Latents]:
        """:meth:`predict_noise` as a function of latents and timesteps only, for the samplers.

        Args:
            conditioning: one row for each element of the batch, or a single row that is used for all of them.
        """

        def eps(latents: Latents, timesteps: Timesteps) -> Latents:
            rows = conditioning.expand(len(latents), -1, -1) if len(conditioning) == 1 else conditioning
            return self.predict_noise(latents, timesteps, rows)

        return eps

    @property
    def _autoencoder(self) -> Any:
        """The autoencoder without static types, because diffusers annotates its methods with outdated tensor types."""
        return self.vae

    @property
    def _scale(self) -> float:
        return self.vae.config["scaling_factor"]

    @property
    def _shift(self) -> float:
        return self.vae.config.get("shift_factor") or 0.0

    def _place(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.placement.device, self.placement.dtype)


def noise_from_v(v: Latents, xt: Latents, alpha_bar: Tensor) -> Latents:
    """The noise implied by a v-prediction: ``eps = sqrt(alpha_bar) v + sqrt(1 - alpha_bar) x_t``.

    Salimans and Ho 2022, "Progressive Distillation for Fast Sampling of Diffusion Models", appendix D.
    """
    return alpha_bar.sqrt() * v + (1 - alpha_bar).sqrt() * xt


def alphas_cumprod(schedule_config: Mapping[str, Any]) -> Tensor:
    """alpha_bar of each timestep according to a scheduler's configuration, float32 on the CPU.

    Raises:
        ModelError: diffusers does not support the configuration.

    >>> alphas_cumprod({"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}).shape
    torch.Size([1000])
    """
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    given = {key: schedule_config[key] for key in SCHEDULE_KEYS if schedule_config.get(key) is not None}
    try:
        return DDIMScheduler(**given).alphas_cumprod.float()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ModelError(f"the noise schedule cannot be built from the scheduler's configuration: {error}") from error


@contextmanager
def _tiling(vae: AutoencoderKL, tiled: bool) -> Iterator[None]:
    """Switch tiling on or off for the block."""
    before = vae.use_tiling
    vae.use_tiling = tiled
    try:
        yield
    finally:
        vae.use_tiling = before

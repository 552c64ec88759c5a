"""A frozen latent diffusion model: pictures ↔ latents, and the noise in latents."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from inst.errors import ModelError
from inst.models.settings import ModelDefaults
from inst.models.source import PredictionType
from inst.models.text import TextConditioner
from inst.placement import Placement
from inst.shapes import Conditioning, Image, Latents, Timesteps

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

BETAS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
"""What of a scheduler's configuration decides alpha_bar, whichever sampler the file was written for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentDiffusion:
    """Networks that are frozen and evaluate, and the numbers that go with them.

    Gradients flow through every method to its tensors, never into a weight.

    Attributes:
        name: what the user called it: a hub id, the folder's or file's name, ``mini``.
        revision_hash: the same for the same weights in every file format and precision.
        schedule_config: the scheduler's configuration as its file holds it.
        alphas_cumprod: alpha_bar of each timestep, float32 on the CPU.
        prediction_type: what the U-Net predicts; `predict_noise` gives noise in any case.
        clip_name: the CLIP that goes with it, for `inst.clip.load_clip`.
        folder: where its files lie; None for a single file.
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
        return self.vae.config["latent_channels"]

    @property
    def factor(self) -> int:
        """Pixels a side of one latent position."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    @property
    def size_multiple(self) -> int:
        """What a picture's sides must be divisible by, so that every level of the U-Net halves evenly."""
        return self.factor * 2 ** (len(self.unet.config["block_out_channels"]) - 1)

    @property
    def steps_offset(self) -> int:
        """What samplers add to every timestep: 1 for Stable Diffusion."""
        return int(self.schedule_config.get("steps_offset", 0))

    def encode(self, images: Image, *, tiled: bool = False) -> Latents:
        """The posterior's mean, scaled to about unit variance, float32.

        Args:
            images: sRGB in [-1, 1], sides divisible by `factor`.
            tiled: in overlapping tiles, for pictures that do not fit the memory at once.
        """
        assert images.shape[-2] % self.factor == 0 and images.shape[-1] % self.factor == 0, images.shape
        with _tiling(self.vae, tiled):
            mean = self._autoencoder.encode(self._place(images)).latent_dist.mean.float()
        return (mean - self._shift) * self._scale

    def decode(self, latents: Latents, *, tiled: bool = False) -> Image:
        """Pictures in [-1, 1], float32.

        Half precision can overflow in the decoder (SD 2.1 in float16); it is then run once more in float32.
        """
        unscaled = latents.float() / self._scale + self._shift
        with _tiling(self.vae, tiled):
            images = self._autoencoder.decode(self._place(unscaled)).sample
            if self.placement.dtype != torch.float32 and not torch.isfinite(images).all():
                images = self._decode_in_float32(unscaled)
        return images.float().clamp(-1, 1)

    def _decode_in_float32(self, unscaled: Tensor) -> Tensor:
        warnings.warn("the decoder overflowed; decoding again in float32", stacklevel=3)
        self._autoencoder.to(torch.float32)
        try:
            return self._autoencoder.decode(unscaled.to(self.placement.device)).sample
        finally:
            self._autoencoder.to(self.placement.dtype)

    def predict_noise(self, latents: Latents, timesteps: Timesteps, conditioning: Conditioning) -> Latents:
        """The noise in `latents`, float32, whatever the U-Net was trained to predict."""
        latents = latents.to(self.placement.device)
        timesteps = timesteps.to(self.placement.device)
        prediction = self.unet(self._place(latents), timesteps, self._place(conditioning)).sample.float()
        if self.prediction_type == "epsilon":
            return prediction
        alpha_bar = self.alphas_cumprod.to(latents.device)[timesteps].view(-1, 1, 1, 1)
        return noise_from_v(prediction, latents.float(), alpha_bar)

    def eps_model(self, conditioning: Conditioning) -> Callable[[Latents, Timesteps], Latents]:
        """`predict_noise` with the conditioning filled in; one row serves a batch of any size."""

        def eps(latents: Latents, timesteps: Timesteps) -> Latents:
            rows = conditioning.expand(len(latents), -1, -1) if len(conditioning) == 1 else conditioning
            return self.predict_noise(latents, timesteps, rows)

        return eps

    @property
    def _autoencoder(self) -> Any:
        """Without diffusers' own annotations, which name tensor types of another time."""
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
    """eps = sqrt(alpha_bar) v + sqrt(1 - alpha_bar) x_t: Salimans and Ho 2022 (arXiv 2202.00512), appendix D."""
    return alpha_bar.sqrt() * v + (1 - alpha_bar).sqrt() * xt


def alphas_cumprod(schedule_config: Mapping[str, Any]) -> Tensor:
    """alpha_bar of each timestep as a scheduler's configuration describes it, float32, on the CPU.

    Raises:
        ModelError: diffusers does not know such a schedule.
    """
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    names = (
        "num_train_timesteps",
        "beta_start",
        "beta_end",
        "beta_schedule",
        "trained_betas",
        "rescale_betas_zero_snr",
    )
    given = {name: schedule_config[name] for name in names if schedule_config.get(name) is not None}
    try:
        return DDIMScheduler(**given).alphas_cumprod.float()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ModelError(f"the scheduler's configuration does not work: {error}") from error


@contextmanager
def _tiling(vae: AutoencoderKL, wanted: bool) -> Iterator[None]:
    before = vae.use_tiling
    vae.use_tiling = wanted
    try:
        yield
    finally:
        vae.use_tiling = before

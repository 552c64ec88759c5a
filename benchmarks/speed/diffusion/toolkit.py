"""The toolkit as it is measured: a model folder of random weights, loaded, trained with and stylized with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PilImage
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.common.machine import Stopwatch
from benchmarks.speed.diffusion.networks import Size, random_clip, random_text_encoder, random_unet, random_vae
from inst.clip import load_clip
from inst.image import read_image
from inst.inversion.prepare import model_defaults, prepare
from inst.inversion.settings import InversionSettings, resolve
from inst.inversion.train import InversionTraining
from inst.models.latent_diffusion import LatentDiffusion
from inst.models.load import load
from inst.models.source import parse_source
from inst.models.tokenizer import clip_tokenizer
from inst.placement import Placement
from inst.transfer.photo import PhotoSettings, StyleConditioning, stylize
from inst.transfer.prompts import WeightedVectors, encode_styled

CLIP_FOLDER, PAINTING = "clip", "painting.png"
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
            "steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False}  # fmt: skip
PARTS: dict[str, tuple[str, str, Callable[[Size, Placement], nn.Module]]] = {
    "unet": ("UNet2DConditionModel", "diffusion_pytorch_model", random_unet),
    "vae": ("AutoencoderKL", "diffusion_pytorch_model", random_vae),
    "text_encoder": ("CLIPTextModel", "model", random_text_encoder),
}


def write_model(folder: Path, size: Size, dtype: torch.dtype) -> None:
    """Write a diffusers folder of random weights, a CLIP in transformers' layout, and a painting of noise."""
    placement = Placement(torch.device("cpu"), dtype)
    configs = {"unet": size.unet, "vae": size.vae, "text_encoder": size.text}
    for part, (kind, stem, make) in PARTS.items():
        _write_part(folder / part, stem, configs[part] | {"_class_name": kind}, make(size, placement))
    _write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULE)
    _write_json(folder / "model_index.json", {"_class_name": "StableDiffusionPipeline"})
    clip = size.clip | {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "dtype": str(dtype).removeprefix("torch."),
    }
    _write_part(folder / CLIP_FOLDER, "model", clip, random_clip(size, placement))
    for place in ("tokenizer", CLIP_FOLDER):
        clip_tokenizer().save_pretrained(str(folder / place))
    pixels = np.random.default_rng(0).integers(0, 256, (size.side, size.side, 3), dtype=np.uint8)
    PilImage.fromarray(pixels).save(folder / PAINTING)


def _write_part(folder: Path, stem: str, config: dict[str, Any], network: nn.Module) -> None:
    _write_json(folder / "config.json", config)
    weights = {name: value.detach().contiguous() for name, value in network.named_parameters()}
    save_file(weights, folder / f"{stem}.safetensors", {"format": "pt"})


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


class Toolkit:
    """The toolkit with a loaded model.

    Attributes:
        watch: after :meth:`measure_parts`, collects the seconds of ``encode``, ``prompt`` and ``decode``, and of U-Net
            calls by batch size: ``unet 1``, ``unet 2``.
    """

    def __init__(self, folder: Path, placement: Placement) -> None:
        self.folder = folder
        self.placement = placement
        self.watch = Stopwatch(placement.device)
        self.model = load(parse_source(str(folder)), placement)
        self.picture = read_image(folder / PAINTING)

    def measure_parts(self) -> None:
        """Time each call of the model; on a GPU this makes the total slightly longer."""
        self.model = timed(self.model, self.watch)

    def training(self, batch: int) -> InversionTraining:
        """Prepare training on the painting with the default preset."""
        clip = load_clip(f"hf:{self.folder / CLIP_FOLDER}", self.placement)
        side = self.picture.image.shape[-1]
        settings = resolve(
            InversionSettings(batch_size=batch, init="random", resolution=side, crop=side), model_defaults(self.model)
        )
        return prepare(self.model, clip, self.picture, settings, None)

    def stylize(self, settings: PhotoSettings, batch: int = 1) -> Tensor:
        """Stylize the painting itself with a random style token, including the encoding of the prompts."""
        with self.watch.timing("prompt"):
            style = self.style()
        contents = self.picture.image.expand(batch, -1, -1, -1)
        *_, last = stylize(self.model, contents, style, settings)
        assert last.images is not None
        return last.images

    def style(self) -> StyleConditioning:
        """Conditioning of ``[C]`` with a random vector of the norm that vocabulary embeddings have."""
        text = self.model.text
        vectors = torch.randn(1, text.token_dim) * text.vocabulary_norm / text.token_dim**0.5
        plain = self.model.defaults.plain_prompt
        conditioning = encode_styled(self.model, "[C]", [WeightedVectors(vectors)], plain)
        return StyleConditioning(conditioning=conditioning, unconditional=encode_styled(self.model, "", [], plain))


def photo_settings(sampler: Any, num_steps: int, side: int) -> PhotoSettings:
    """The release's settings: strength 0.6, guidance 10, stochastic inversion."""
    return PhotoSettings(
        strength=0.6,
        num_steps=num_steps,
        guidance_scale=10.0,
        seed=0,
        sampler=sampler,
        tone=0.0,
        transport=0.0,
        keep_colors=False,
        inversion=True,
        resolution=side,
    )


class TimedDiffusion(LatentDiffusion):
    """The model with timing of its three calls."""

    watch: Stopwatch

    def encode(self, images: Tensor, **options: Any) -> Tensor:
        with self.watch.timing("encode"):
            return super().encode(images, **options)

    def decode(self, latents: Tensor, **options: Any) -> Tensor:
        with self.watch.timing("decode"):
            return super().decode(latents, **options)

    def predict_noise(self, latents: Tensor, timesteps: Tensor, conditioning: Tensor) -> Tensor:
        with self.watch.timing(f"unet {len(latents)}"):
            return super().predict_noise(latents, timesteps, conditioning)


def timed(model: LatentDiffusion, watch: Stopwatch) -> TimedDiffusion:
    """The same model with timing."""
    timed_model = TimedDiffusion(**{field.name: getattr(model, field.name) for field in fields(model)})
    object.__setattr__(timed_model, "watch", watch)
    return timed_model

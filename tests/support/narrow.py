"""Stable Diffusion models with random weights, at reduced or full width, and as a diffusers folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

Family = Literal["v1", "v2", "v2-base"]


class Narrow(NamedTuple):
    unet: Any
    vae: Any
    text_encoder: Any


def narrow_models(family: Family = "v1", *, seed: int = 0) -> Narrow:
    """Models with about a tenth of a family's width and all of its layers."""
    v1 = family == "v1"
    unet = {
        "block_out_channels": [32, 64, 96, 96] if v1 else [64, 128, 192, 192],
        "cross_attention_dim": 64,
        "sample_size": 8,
        "attention_head_dim": 8 if v1 else [1, 2, 3, 3],
    }
    text = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 1, "num_hidden_layers": 3}
    return random_models(family, unet, {"block_out_channels": [32, 64, 96, 96]}, text, seed=seed)


def full_models(family: Family = "v1", *, seed: int = 0) -> Narrow:
    """Models at full size with random weights: 1.07 billion parameters for SD 1.5, 4.3 GB."""
    return random_models(family, {}, {}, {}, seed=seed)


def random_models(
    family: Family, unet: dict[str, Any], vae: dict[str, Any], text: dict[str, Any], *, seed: int
) -> Narrow:
    """Models with a family's published configuration, some fields of which are replaced."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from inst.models.ldm_config import shipped_config

    torch.manual_seed(seed)
    models = Narrow(
        UNet2DConditionModel.from_config(shipped_config(family, "unet") | unet),
        AutoencoderKL.from_config(shipped_config(family, "vae") | vae),
        CLIPTextModel(CLIPTextConfig(**shipped_config(family, "text_encoder") | text)),
    )
    for model in models:
        model.requires_grad_(False).eval()
    return models


def write_folder(folder: Path, models: Narrow, family: Family = "v1", **schedule: Any) -> Path:
    """Writes a folder in the layout of diffusers' pipelines."""
    from inst.models.ldm_config import shipped_config
    from inst.models.tokenizer import clip_tokenizer

    models.unet.save_pretrained(folder / "unet")
    models.vae.save_pretrained(folder / "vae")
    models.text_encoder.save_pretrained(folder / "text_encoder")
    clip_tokenizer(pad_token="<|endoftext|>" if family == "v1" else "!").save_pretrained(folder / "tokenizer")
    (folder / "scheduler").mkdir()
    config = shipped_config(family, "scheduler") | schedule
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    return folder

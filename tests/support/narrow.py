"""Stable Diffusion's topology with narrow layers and random weights, as a diffusers folder."""

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
    """The shipped configuration of a family with a tenth of its width."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from inst.models.ldm_config import shipped_config

    torch.manual_seed(seed)
    v1 = family == "v1"
    unet = shipped_config(family, "unet") | {
        "block_out_channels": [32, 64, 96, 96] if v1 else [64, 128, 192, 192],
        "cross_attention_dim": 64,
        "sample_size": 8,
        "attention_head_dim": 8 if v1 else [1, 2, 3, 3],
    }
    vae = shipped_config(family, "vae") | {"block_out_channels": [32, 64, 96, 96]}
    text = shipped_config(family, "text_encoder") | {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 1,
        "num_hidden_layers": 3,
    }
    models = Narrow(
        UNet2DConditionModel.from_config(unet),
        AutoencoderKL.from_config(vae),
        CLIPTextModel(CLIPTextConfig(**text)),
    )
    for model in models:
        model.requires_grad_(False).eval()
    return models


def write_folder(folder: Path, models: Narrow, family: Family = "v1", **schedule: Any) -> Path:
    """Saves as diffusers' pipelines do."""
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

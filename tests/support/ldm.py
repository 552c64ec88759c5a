"""Converts the weights of a diffusers model to the layout of the original latent-diffusion code.

It is written from the module names of that code and not from diffusers' converter, so that it verifies our reader
independently.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

Weights = dict[str, Tensor]

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def ldm_weights(unet: Any, vae: Any, text_encoder: Any, *, open_clip: bool = False) -> Weights:
    """The state dict of a ``.ckpt``, with an EMA copy of one weight, the schedule, and the old ``position_ids``."""
    text = open_clip_text(text_encoder) if open_clip else clip_text(text_encoder)
    weights = {f"model.diffusion_model.{name}": value for name, value in unet_weights(unet).items()}
    weights |= {f"first_stage_model.{name}": value for name, value in vae_weights(vae).items()}
    weights |= {f"cond_stage_model.{name}": value for name, value in text.items()}
    weights["model_ema.diffusion_modelinput_blocks00weight"] = torch.zeros(3)
    weights["model_ema.decay"] = torch.tensor(0.9999)
    weights["alphas_cumprod"] = torch.linspace(0.999, 0.005, 1000)
    return {name: value.contiguous() for name, value in weights.items()}


def write_lightning_checkpoint(path: Path, weights: Weights) -> None:
    """Writes a checkpoint like pytorch_lightning: the state dict and a callback of a class that is not installed."""
    names = ["pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint"]
    modules = {name: types.ModuleType(name) for name in names}
    callback = type("ModelCheckpoint", (), {"__module__": names[-1]})
    setattr(modules[names[-1]], "ModelCheckpoint", callback)  # noqa: B010  (pyright knows no such attribute)
    state = callback()
    state.best_model_path = "runs/last.ckpt"
    with mock.patch.dict(sys.modules, modules):
        torch.save({"epoch": 3, "state_dict": weights, "callbacks": {callback: state}, "lr_schedulers": []}, path)


def unet_weights(unet: Any) -> Weights:
    levels, layers = len(unet.config.block_out_channels), unet.config.layers_per_block
    modules = dict(UNET_ENDS)
    for level in range(levels):
        first = 1 + level * (layers + 1)
        for layer in range(layers):
            modules[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{first + layer}.0"
            modules[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{first + layer}.1"
        modules[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{first + layers}.0.op"
        first = level * (layers + 1)
        for layer in range(layers + 1):
            modules[f"up_blocks.{level}.resnets.{layer}"] = f"output_blocks.{first + layer}.0"
            modules[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{first + layer}.1"
        attends = unet.config.up_block_types[level].startswith("CrossAttn")
        modules[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{first + layers}.{1 + attends}.conv"
    modules |= {"mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1"}
    modules["mid_block.resnets.1"] = "middle_block.2"
    renamed = {}
    for name, value in unet.state_dict().items():
        new = _renamed(name, modules)
        renamed[_renamed_inside(new, RESNET) if ".resnets." in name else new] = value
    return renamed


def vae_weights(vae: Any) -> Weights:
    levels = len(vae.config.block_out_channels)
    modules = {}
    for half in ("encoder", "decoder"):
        modules |= {f"{half}.mid_block.resnets.{i}": f"{half}.mid.block_{i + 1}" for i in range(2)}
        modules |= {f"{half}.mid_block.attentions.0": f"{half}.mid.attn_1", f"{half}.conv_norm_out": f"{half}.norm_out"}
    for level in range(levels):
        modules[f"encoder.down_blocks.{level}.resnets"] = f"encoder.down.{level}.block"
        modules[f"encoder.down_blocks.{level}.downsamplers.0"] = f"encoder.down.{level}.downsample"
        modules[f"decoder.up_blocks.{level}.resnets"] = f"decoder.up.{levels - 1 - level}.block"
        modules[f"decoder.up_blocks.{level}.upsamplers.0"] = f"decoder.up.{levels - 1 - level}.upsample"
    attention = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
    renamed = {}
    for name, value in vae.state_dict().items():
        new = _renamed(name, modules).replace("conv_shortcut", "nin_shortcut")
        if ".attentions." in name:
            new = _renamed_inside(new, attention)
            # the original attention uses 1×1 convolutions
            value = value[:, :, None, None] if value.ndim == 2 else value
        renamed[new] = value
    return renamed


def clip_text(text_encoder: Any) -> Weights:
    """The text encoder of SD 1.x, with the names of transformers 4."""
    prefix = "transformer.text_model."
    weights = {prefix + name.removeprefix("text_model."): value for name, value in text_encoder.state_dict().items()}
    length = text_encoder.config.max_position_embeddings
    return weights | {prefix + "embeddings.position_ids": torch.arange(length)[None]}


def open_clip_text(text_encoder: Any) -> Weights:
    """The text encoder of SD 2.x: open_clip's names, with the unused last layer, the projection and the temperature."""
    state = {name.removeprefix("text_model."): value for name, value in text_encoder.state_dict().items()}
    layers, width = text_encoder.config.num_hidden_layers, text_encoder.config.hidden_size
    weights = {
        "model.token_embedding.weight": state["embeddings.token_embedding.weight"],
        "model.positional_embedding": state["embeddings.position_embedding.weight"],
        "model.ln_final.weight": state["final_layer_norm.weight"],
        "model.ln_final.bias": state["final_layer_norm.bias"],
        "model.text_projection": torch.randn(width, width),
        "model.logit_scale": torch.tensor(4.6),
    }
    for layer in range(layers):
        weights |= _open_clip_layer(state, f"encoder.layers.{layer}.", f"model.transformer.resblocks.{layer}.")
    unused = _open_clip_layer(state, "encoder.layers.0.", f"model.transformer.resblocks.{layers}.")
    return weights | {name: torch.randn_like(value) for name, value in unused.items()}


def _open_clip_layer(state: Mapping[str, Tensor], old: str, new: str) -> Weights:
    weights = {}
    for kind in ("weight", "bias"):
        weights |= {f"{new}{b}.{kind}": state[f"{old}{a}.{kind}"] for a, b in OPEN_CLIP_LAYER.items()}
        parts = [state[f"{old}self_attn.{part}_proj.{kind}"] for part in "qkv"]
        weights[f"{new}attn.in_proj_{kind}"] = torch.cat(parts)
    return weights


def _renamed(name: str, modules: Mapping[str, str]) -> str:
    for old, new in modules.items():
        if name.startswith(old + "."):
            return new + name.removeprefix(old)
    return name


def _renamed_inside(name: str, parts: Mapping[str, str]) -> str:
    for old, new in parts.items():
        name = name.replace(f".{old}.", f".{new}.")
    return name

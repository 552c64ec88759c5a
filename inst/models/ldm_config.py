"""Network configurations for a weight file in the layout of the original latent-diffusion code (LDM).

Each is the shipped configuration of the file's model family, with the sizes replaced by those that the tensor shapes
imply. What cannot be inferred from shapes keeps the family's value: eight attention heads per block in SD 1.x and heads
of 64 channels in SD 2.x, heads of 64 channels in the text encoder, the noise schedule and the scale of the latents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

from torch import Tensor

from inst.models.identify import TEXT, UNET, VAE

Family = Literal["v1", "v2", "v2-base"]
Weights = Mapping[str, Tensor]
Config = dict[str, Any]

OPEN_CLIP = TEXT + "model."
HEAD_WIDTH = 64
FULL_OPEN_CLIP_LAYERS = 24
"""Number of layers of the OpenCLIP ViT-H text tower. SD 2.x uses the output of the last but one."""


def shipped_config(family: Family, part: str) -> Config:
    """A configuration shipped with the package: of ``unet``, ``vae``, ``text_encoder`` or ``scheduler``."""
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    return json.loads(resources.files("inst.models").joinpath("configs", family, part, name).read_text("utf-8"))


def has_open_clip(weights: Weights) -> bool:
    """Whether the text encoder is OpenCLIP's, as in SD 2.x, instead of OpenAI's."""
    return any(name.startswith(OPEN_CLIP) for name in weights)


def unet_config(weights: Weights, family: Family) -> Config:
    """The configuration of the U-Net.

    A downsampling layer (``.op``) ends a level. The width of a level is the number of output channels of its first
    block.
    """
    blocks = _count(weights, UNET + "input_blocks.")
    ends = [i for i in range(blocks) if f"{UNET}input_blocks.{i}.0.op.weight" in weights]
    starts = [1, *(end + 1 for end in ends)]
    widths = [_size(weights, f"{UNET}input_blocks.{start}.0.out_layers.3.weight", 0) for start in starts]
    has_attention = [f"{UNET}input_blocks.{start}.1.norm.weight" in weights for start in starts]
    context = _found(weights, UNET, "attn2.to_k.weight")
    linear = weights[f"{UNET}middle_block.1.proj_in.weight"].ndim == 2
    return shipped_config(family, "unet") | {
        "in_channels": _size(weights, f"{UNET}input_blocks.0.0.weight", 1),
        "out_channels": _size(weights, f"{UNET}out.2.weight", 0),
        "block_out_channels": widths,
        "layers_per_block": (ends[0] if ends else blocks) - 1,
        "down_block_types": ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in has_attention],
        "up_block_types": ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(has_attention)],
        "cross_attention_dim": _size(weights, context, 1),
        "use_linear_projection": linear,
        # Despite its name, diffusers reads this as the number of heads.
        "attention_head_dim": [max(1, width // HEAD_WIDTH) for width in widths] if linear else 8,
    }


def vae_config(weights: Weights, family: Family) -> Config:
    """The configuration of the autoencoder."""
    levels = _count(weights, VAE + "encoder.down.")
    widths = [_size(weights, f"{VAE}encoder.down.{level}.block.0.conv2.weight", 0) for level in range(levels)]
    return shipped_config(family, "vae") | {
        "block_out_channels": widths,
        "layers_per_block": _count(weights, VAE + "encoder.down.0.block."),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "latent_channels": _size(weights, f"{VAE}decoder.conv_in.weight", 1),
        "use_quant_conv": f"{VAE}quant_conv.weight" in weights,
        "use_post_quant_conv": f"{VAE}post_quant_conv.weight" in weights,
        "mid_block_add_attention": f"{VAE}encoder.mid.attn_1.q.weight" in weights,
    }


def text_config(weights: Weights, family: Family) -> Config:
    """The configuration of the text encoder."""
    if has_open_clip(weights):
        sizes = _text_sizes(weights, "token_embedding.weight", "positional_embedding", "c_fc.weight")
        layers = open_clip_layers(weights)
    else:
        sizes = _text_sizes(weights, "token_embedding.weight", "position_embedding.weight", "fc1.weight")
        layers = _count(weights, _layers_prefix(weights))
    heads = max(1, sizes["hidden_size"] // HEAD_WIDTH)
    return shipped_config(family, "text_encoder") | sizes | {"num_hidden_layers": layers, "num_attention_heads": heads}


def open_clip_layers(weights: Weights) -> int:
    """The number of layers of the OpenCLIP text tower that SD 2.x uses: all but the last.

    Files that were converted from a diffusers folder no longer contain the last layer and the text projection.
    """
    layers = _count(weights, OPEN_CLIP + "transformer.resblocks.")
    has_all_layers = layers == FULL_OPEN_CLIP_LAYERS or OPEN_CLIP + "text_projection" in weights
    return layers - 1 if has_all_layers else layers


def _text_sizes(weights: Weights, tokens: str, positions: str, first_linear: str) -> Config:
    embedding = _ending(weights, tokens)
    return {
        "vocab_size": _size(weights, embedding, 0),
        "hidden_size": _size(weights, embedding, 1),
        "max_position_embeddings": _size(weights, _ending(weights, positions), 0),
        "intermediate_size": _size(weights, _ending(weights, first_linear), 0),
    }


def _layers_prefix(weights: Weights) -> str:
    return _ending(weights, "layers.0.layer_norm1.weight").removesuffix("0.layer_norm1.weight")


def _ending(weights: Weights, ending: str) -> str:
    """The name of the text encoder's tensor with this ending."""
    return _found(weights, TEXT, ending)


def _found(weights: Weights, start: str, ending: str) -> str:
    for name in weights:
        if name.startswith(start) and name.endswith(ending):
            return name
    raise KeyError(f"{start}…{ending}")


def _size(weights: Weights, name: str, dimension: int) -> int:
    return int(weights[name].shape[dimension])


def _count(weights: Weights, prefix: str) -> int:
    """The number n of different indices 0 … n-1 that follow ``prefix`` in the names."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
    return len({found[1] for name in weights if (found := pattern.match(name))})

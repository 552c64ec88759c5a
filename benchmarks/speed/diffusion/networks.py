"""Networks of Stable Diffusion 1.5's size, or narrow ones, with random weights: speed does not depend on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import inst.models
from inst.placement import Placement

CONFIGS = Path(inst.models.__file__).parent / "configs" / "v1"
TILE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Size:
    """Configurations of the networks, and the side of the pictures in pixels."""

    unet: dict[str, Any]
    vae: dict[str, Any]
    text: dict[str, Any]
    clip: dict[str, Any]
    side: int

    @property
    def latent_side(self) -> int:
        return self.side // 2 ** (len(self.vae["block_out_channels"]) - 1)


def real_size() -> Size:
    """SD 1.5 at 512 px, CLIP ViT-L/14."""
    unet, vae, text = (
        json.loads((CONFIGS / part / "config.json").read_text()) for part in ("unet", "vae", "text_encoder")
    )
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
              "image_size": 224, "patch_size": 14}  # fmt: skip
    return Size(unet=unet, vae=vae, text=text, clip=_clip(text, vision, 768), side=512)


def tiny_size() -> Size:
    """The same architecture, narrow enough for a test, at 64 px."""
    real = real_size()
    text = real.text | {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    unet = real.unet | {"block_out_channels": [32, 32, 64, 64], "cross_attention_dim": 32, "norm_num_groups": 8}
    vae = real.vae | {"block_out_channels": [16, 16, 32, 32], "norm_num_groups": 8, "layers_per_block": 1}
    return Size(unet=unet, vae=vae, text=text, clip=_clip(text, vision, 32), side=64)


def _clip(text: dict[str, Any], vision: dict[str, Any], width: int) -> dict[str, Any]:
    return {"text_config": text, "vision_config": vision | {"hidden_act": "quick_gelu"}, "projection_dim": width}


def random_unet(size: Size, placement: Placement) -> nn.Module:
    """A U-Net with small predictions, so that long sampling does not overflow."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    unet = _random(lambda: UNet2DConditionModel.from_config(size.unet), placement)
    unet.conv_out.weight.mul_(0.1)
    return unet


def random_vae(size: Size, placement: Placement) -> nn.Module:
    """An autoencoder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return _random(lambda: AutoencoderKL.from_config(size.vae), placement)


def random_text_encoder(size: Size, placement: Placement, **options: Any) -> nn.Module:
    """A CLIP text encoder; ``options`` are added to its configuration."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return _random(lambda: CLIPTextModel(CLIPTextConfig(**size.text, **options)), placement)


def random_clip(size: Size, placement: Placement, **options: Any) -> nn.Module:
    """A CLIP with both towers; ``options`` are added to its configuration."""
    from transformers import CLIPConfig, CLIPModel

    return _random(lambda: CLIPModel(CLIPConfig(**size.clip, **options)), placement)


def _random(create: Callable[[], Any], placement: Placement) -> Any:
    """A frozen network with weights of about unit gain, created in the precision that it computes in."""
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        network = create()
    normals = torch.randn(TILE, generator=torch.Generator().manual_seed(0)).to(placement.dtype)
    weights = {name: _weight(name, value.shape, normals) for name, value in network.named_parameters()}
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_(False).eval().to(placement.device)


def _weight(name: str, shape: torch.Size, normals: Tensor) -> Tensor:
    """Ones for norm weights, zeros for biases, else the same normal numbers repeated, which is faster than sampling."""
    if len(shape) < 2:
        make = torch.zeros if name.endswith("bias") else torch.ones
        return make(shape, dtype=normals.dtype)
    values = torch.empty(shape.numel(), dtype=normals.dtype)
    for part in values.split(TILE):
        part.copy_(normals[: len(part)])
    return values.mul_((shape[0] / shape.numel()) ** 0.5).view(shape)

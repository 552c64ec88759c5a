"""The U-Net, the inversion module, and the text tower with style tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from open_clip.model import CLIP
from torch import Tensor, nn
from transformers import CLIPTokenizer

from inst.inversion.attention import AttentionInversion
from miniature.common.tokenizer import CONTEXT
from miniature.diffusion import clip

CHANNELS = (64, 128, 192)
"""Widths of the U-Net's levels; `experiments.unet_widths` compares them with others."""
VECTORS = 4
PLACEHOLDER = "[C]"
INVERSION: dict[str, Any] = {
    "dim": clip.EMBED, "token_dim": clip.WIDTH, "num_vectors": VECTORS, "num_heads": 8, "head_dim": 32, "dropout": 0.05,
    "own_maps": True, "token_norm": 32.0,
}  # fmt: skip


def build(channels: tuple[int, ...] = CHANNELS) -> UNet2DConditionModel:
    """The U-Net, with one layer a block and cross-attention below the top level.

    Fine textures are generated at the top level, which has no cross-attention to the prompt; therefore the pooled
    prompt is added to the time embedding. This addition is initialised to zero, so that training can continue from
    weights without it.
    """
    deep = len(channels) - 1
    unet = UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        out_channels=4,
        block_out_channels=channels,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * deep),
        up_block_types=(*("CrossAttnUpBlock2D",) * deep, "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=clip.WIDTH,
        attention_head_dim=4,
        norm_num_groups=32,
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
    )
    nn.init.zeros_(unet.add_embedding.norm2.weight)
    return unet


def build_inversion() -> AttentionInversion:
    """The inversion module; its queries are initialised far enough apart for its vectors to attend differently."""
    module = AttentionInversion(**INVERSION)
    assert module.queries is not None
    nn.init.normal_(module.queries, std=1.4)
    return module


@dataclass(frozen=True)
class TextTower:
    """The frozen text tower, in which "[C]" is replaced by style token vectors.

    Args:
        model: the trained CLIP, of which the text tower is used.
    """

    model: CLIP
    tokenizer: CLIPTokenizer

    def ids(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """(b, 32) token ids, and a mask of the four positions of each "[C]"."""
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        rows, masks = [], []
        for prompt in prompts:
            before, placeholder, after = prompt.partition(PLACEHOLDER)
            left = self.tokenizer(before, add_special_tokens=False)["input_ids"] if before else []
            right = self.tokenizer(after, add_special_tokens=False)["input_ids"] if after else []
            left = left[: CONTEXT - 2 - VECTORS]
            body = [start, *left, *([0] * VECTORS if placeholder else []), *right][: CONTEXT - 1]
            rows.append(body + [end] * (CONTEXT - len(body)))
            masks.append([bool(placeholder) and 1 + len(left) <= i < 1 + len(left) + VECTORS for i in range(CONTEXT)])
        return torch.tensor(rows), torch.tensor(masks)

    def __call__(self, prompts: list[str], vectors: Tensor | None = None) -> Tensor:
        """Last hidden states (b, 32, d); ``vectors`` (m, 4, d) are for the prompts that contain "[C]", in order."""
        model = self.model
        ids, mask = self.ids(prompts)
        device = model.positional_embedding.device
        x = model.token_embedding(ids.to(device))
        if vectors is not None and mask.any():
            x = x.masked_scatter(mask[..., None].to(device), vectors.to(x.dtype))
        x = x + model.positional_embedding
        return model.ln_final(model.transformer(x, attn_mask=model.attn_mask))

"""The U-Net, the inversion module, and the text tower with room for pseudo-words."""

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
"""Of the U-Net's levels; `experiments.unet_widths` measures others beside it."""
VECTORS = 4
PLACEHOLDER = "[C]"
INVERSION: dict[str, Any] = {
    "dim": clip.EMBED, "token_dim": clip.WIDTH, "num_vectors": VECTORS, "num_heads": 8, "head_dim": 32, "dropout": 0.05,
    "own_maps": True, "token_norm": 32.0,
}  # fmt: skip


def build(channels: tuple[int, ...] = CHANNELS) -> UNet2DConditionModel:
    """One layer a block, attention below the top level.

    Textures of a few pixels are made at the top level, where the prompt is not attended to: pooled, it is added to the
    time embedding, which reaches every residual block. It begins as nothing, so that weights without it can be gone on
    with.
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
    """The module, its queries as far apart as two pictures' embeddings are, so that its vectors attend differently."""
    module = AttentionInversion(**INVERSION)
    assert module.queries is not None
    nn.init.normal_(module.queries, std=1.4)
    return module


@dataclass(frozen=True)
class TextSide:
    """The frozen text tower with room for pseudo-words.

    Args:
        model: the trained CLIP, whose text half is used.
    """

    model: CLIP
    tokenizer: CLIPTokenizer

    def ids(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """(b, 32) token ids and a mask of the places of "[C]", four to each."""
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        rows, places = [], []
        for prompt in prompts:
            before, found, after = prompt.partition(PLACEHOLDER)
            left = self.tokenizer(before, add_special_tokens=False)["input_ids"] if before else []
            right = self.tokenizer(after, add_special_tokens=False)["input_ids"] if after else []
            left = left[: CONTEXT - 2 - VECTORS]
            body = [start, *left, *([0] * VECTORS if found else []), *right][: CONTEXT - 1]
            rows.append(body + [end] * (CONTEXT - len(body)))
            places.append([bool(found) and 1 + len(left) <= i < 1 + len(left) + VECTORS for i in range(CONTEXT)])
        return torch.tensor(rows), torch.tensor(places)

    def __call__(self, prompts: list[str], vectors: Tensor | None = None) -> Tensor:
        """Last hidden states (b, 32, d); ``vectors`` (m, 4, d) belong to the prompts with "[C]", in their order."""
        model = self.model
        ids, places = self.ids(prompts)
        device = model.positional_embedding.device
        x = model.token_embedding(ids.to(device))
        if vectors is not None and places.any():
            x = x.masked_scatter(places[..., None].to(device), vectors.to(x.dtype))
        x = x + model.positional_embedding
        return model.ln_final(model.transformer(x, attn_mask=model.attn_mask))

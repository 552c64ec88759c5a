"""open_clip's two towers, the tokenizer of their captions, and the exported folder of a CLIP."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from miniature.common.tokenizer import CONTEXT, train_tokenizer

MAX_LOGIT_SCALE = 4.6052
"""log 100, at which open_clip's own training clamps the logit scale."""


@dataclass(frozen=True, kw_only=True)
class Towers:
    """Sizes of a CLIP; both towers have the same width and the same width of their heads.

    Args:
        pool: open_clip's pooling of the vision tower, "tok" (the class token) or "avg" (the mean of the patches).
        patch_dropout: share of the patches that is dropped during training.
    """

    image_size: int
    patch_size: int
    embed_dim: int
    width: int
    vision_layers: int
    text_layers: int
    head_width: int = 64
    patch_dropout: float = 0.0
    pool: Literal["tok", "avg"] = "tok"

    def config(self, vocab: int) -> dict[str, Any]:
        """The model's part of an `open_clip_config.json`."""
        return {
            "embed_dim": self.embed_dim,
            "vision_cfg": {
                "image_size": self.image_size,
                "patch_size": self.patch_size,
                "width": self.width,
                "layers": self.vision_layers,
                "head_width": self.head_width,
            }
            | ({} if self.pool == "tok" else {"pool_type": self.pool}),
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": vocab,
                "width": self.width,
                "heads": self.width // self.head_width,
                "layers": self.text_layers,
            },
        }

    def build(self, vocab: int) -> CLIP:
        """The two towers, randomly initialised."""
        sizes = self.config(vocab)
        vision = CLIPVisionCfg(**sizes["vision_cfg"], patch_dropout=self.patch_dropout)
        return CLIP(self.embed_dim, vision, CLIPTextCfg(**sizes["text_cfg"]), output_dict=True)


def clamp_logit_scale(model: CLIP) -> None:
    """Clamp the logit scale as open_clip does; to be called after each optimiser step."""
    with torch.no_grad():
        model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)


def tokenizer_in(folder: Path, texts: Callable[[], list[str]], size: int) -> CLIPTokenizer:
    """The tokenizer in a folder; it is trained on the texts on first use."""
    if not (folder / "tokenizer_config.json").exists():
        train_tokenizer(texts(), folder, size)
    return CLIPTokenizer.from_pretrained(folder)


def save_clip(model: CLIP, towers: Towers, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write a folder that `open_clip.create_model("local-dir:...")` reads, with weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    sizes = towers.config(len(tokenizer))
    sizes["text_cfg"]["hf_tokenizer_name"] = "."
    half = [0.5, 0.5, 0.5]
    preprocess = {"mean": half, "std": half, "interpolation": "bicubic", "resize_mode": "shortest"}
    text = json.dumps({"model_cfg": sizes, "preprocess_cfg": preprocess}, indent=2)
    (folder / "open_clip_config.json").write_text(text + "\n")
    tensors = {k: v.half().contiguous() for k, v in model.state_dict().items() if k != "attn_mask"}
    save_file(tensors, folder / "open_clip_model.safetensors")

"""A small open_clip model with random weights, also in the layout of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    },
    "preprocess_cfg": {"mean": MEAN, "std": STD},
}


def write_open_clip(folder: Path, *, seed: int = 0, vision: dict[str, Any] | None = None) -> Path:
    """Writes a folder in open_clip's ``local-dir:`` layout."""
    import open_clip

    folder.mkdir(parents=True)
    config = json.loads(json.dumps(CONFIG))
    config["model_cfg"]["vision_cfg"] |= vision or {}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(seed)
    model = open_clip.create_model(f"local-dir:{folder}")
    for parameter in model.parameters():
        # norms are initialised to 1 and biases to 0, which would hide mistakes
        parameter.data.add_(torch.randn_like(parameter) * 0.1)
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return folder


def write_transformers(folder: Path, open_clip_folder: Path) -> Path:
    """Writes the same model in the layout of transformers."""
    from transformers import CLIPConfig, CLIPModel

    from inst.models.tokenizer import clip_tokenizer

    sizes = {"hidden_size": 32, "intermediate_size": 128, "num_attention_heads": 2, "num_hidden_layers": 2}
    special = {"eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 49407}
    config = CLIPConfig(
        text_config={**sizes, **special, "max_position_embeddings": 16, "vocab_size": 49408},
        vision_config={**sizes, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    model = CLIPModel(config)
    weights = torch.load(open_clip_folder / "open_clip_pytorch_model.bin", weights_only=True)
    model.load_state_dict(transformers_weights(weights), strict=True)
    model.save_pretrained(folder)
    clip_tokenizer(max_length=16).save_pretrained(folder)
    preprocessor = {"image_mean": MEAN, "image_std": STD, "resample": 3, "crop_size": 32}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


def transformers_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Renames open_clip's tensors to those of transformers' ``CLIPModel``."""
    renamed = {
        "logit_scale": weights["logit_scale"],
        "text_projection.weight": weights["text_projection"].T,
        "visual_projection.weight": weights["visual.proj"].T,
        "text_model.embeddings.token_embedding.weight": weights["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": weights["positional_embedding"],
        "vision_model.embeddings.class_embedding": weights["visual.class_embedding"],
        "vision_model.embeddings.position_embedding.weight": weights["visual.positional_embedding"],
        "vision_model.embeddings.patch_embedding.weight": weights["visual.conv1.weight"],
    }
    for kind in ("weight", "bias"):
        renamed[f"text_model.final_layer_norm.{kind}"] = weights[f"ln_final.{kind}"]
        renamed[f"vision_model.pre_layrnorm.{kind}"] = weights[f"visual.ln_pre.{kind}"]
        renamed[f"vision_model.post_layernorm.{kind}"] = weights[f"visual.ln_post.{kind}"]
        for layer in range(2):
            for ours, theirs in (("vision_model", "visual."), ("text_model", "")):
                new, old = f"{ours}.encoder.layers.{layer}", f"{theirs}transformer.resblocks.{layer}"
                for a, b in (("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"),
                             ("mlp.fc2", "mlp.c_proj"), ("self_attn.out_proj", "attn.out_proj")):  # fmt: skip
                    renamed[f"{new}.{a}.{kind}"] = weights[f"{old}.{b}.{kind}"]
                thirds = weights[f"{old}.attn.in_proj_{kind}"].chunk(3)
                for part, third in zip("qkv", thirds, strict=True):
                    renamed[f"{new}.self_attn.{part}_proj.{kind}"] = third
    return renamed

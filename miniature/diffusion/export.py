"""Step 6: export a folder in diffusers' layout: `python -m miniature.diffusion.export --state DIR --out DIR`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTokenizer

from inst.inversion.attention import AttentionInversion
from inst.models.vocabulary import WORDS_FILE
from miniature.common.clip import save_clip
from miniature.common.folders import keep_card, remove_paths, replacing_folder
from miniature.common.manifest import write_manifest
from miniature.common.training import load_averaged
from miniature.diffusion import autoencoder, clip
from miniature.diffusion.data.captions import known_words
from miniature.diffusion.data.dataset import Pictures
from miniature.diffusion.unet import model
from miniature.diffusion.unet.schedule import scheduler

DEFAULTS: dict[str, Any] = {
    "resolution": 256,
    "num_steps": 12,
    "guidance_scale": 2.0,
    "strength": 0.65,
    "transport": 1.0,
    "clip": "local-dir:clip",
    "num_vectors": model.VECTORS,
    "learning_rate": 2e-4,
    "train_steps": 30,
    "crop": 128,
    "batch_size": 8,
    "early_stop": 2,
    "noise_offset": 0.7,
    "max_norm_ratio": 300.0,
    "prompt": model.PLACEHOLDER,
    "plain_prompt": "a painting",
}
LIBRARIES = {
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDIMScheduler"],
}


def _half(module: nn.Module) -> nn.Module:
    return module.half().eval()


def _save_inversion(module: AttentionInversion, folder: Path) -> None:
    folder.mkdir(parents=True)
    save_file({k: v.half().contiguous() for k, v in module.state_dict().items()}, folder / "attention.safetensors")
    config = model.INVERSION | {"views": "whole+quadrants"}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def export(
    out: Path, *, vae: AutoencoderKL, unet: UNet2DConditionModel, clip_model: CLIP, inversion: AttentionInversion,
    tokenizer: CLIPTokenizer, words: list[str], defaults: dict[str, Any] = DEFAULTS,
) -> None:  # fmt: skip
    """Write the folder, and replace ``out`` by it.

    An existing model card is kept; styles that were learned with the old weights are not.
    """
    tower = clip.text_tower(clip_model, len(tokenizer))
    with replacing_folder(out) as folder:
        save_clip(clip_model, clip.TOWERS, tokenizer, folder / "clip")
        _save_inversion(inversion, folder / "inversion")
        _half(vae).save_pretrained(folder / "vae")
        _half(unet).save_pretrained(folder / "unet")
        _half(tower).save_pretrained(folder / "text_encoder")
        tokenizer.save_pretrained(folder / "tokenizer")
        scheduler().save_pretrained(folder / "scheduler")
        (folder / WORDS_FILE).write_text("\n".join(words) + "\n", encoding="utf-8")
        index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.31.0", **LIBRARIES}
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
        (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
        (folder / "inst.json").write_text(json.dumps(defaults, indent=2) + "\n")
        remove_paths(folder)  # before the checksums are computed
        keep_card(out, folder)
        # Bundled styles are learned afterwards; each records the hash of its model.
        write_manifest(folder, exclude=["styles"])


def trained(state: Path) -> dict[str, Any]:
    """All parts with averaged weights."""
    pictures = Pictures.open(state)
    tokenizer = clip.load_tokenizer(state, pictures)
    return {
        "words": known_words([row for row in pictures.rows if row["split"] == "train"]),
        "vae": autoencoder.load(state),
        "unet": load_averaged(state / "diffusion", "unet", model.build()),
        "inversion": load_averaged(state / "diffusion", "inversion", model.build_inversion()),
        "clip_model": clip.load(state, len(tokenizer)),
        "tokenizer": tokenizer,
    }


def random(state: Path) -> dict[str, Any]:
    """All parts with random weights, for tests of the layout."""
    torch.manual_seed(0)
    pictures = Pictures.open(state)
    tokenizer = clip.load_tokenizer(state, pictures)
    return {
        "words": known_words(pictures.rows, 1),
        "vae": autoencoder.build(), "unet": model.build(), "inversion": model.build_inversion(),
        "clip_model": clip.build(len(tokenizer)), "tokenizer": tokenizer,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--random", action="store_true", help="export random weights, for tests")
    args = parser.parse_args()
    export(args.out, **(random if args.random else trained)(args.state))


if __name__ == "__main__":
    main()

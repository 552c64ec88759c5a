"""Step 3: a small CLIP of our own, `python -m miniature.clip --state DIR`; open_clip's model and loss."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from open_clip.loss import ClipLoss
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from miniature.pictures import Pictures, draw, to_tensor
from miniature.training import Budget, Recipe, Run, accelerator, load_averaged
from miniature.words import CONTEXT, caption, tokenize, train_tokenizer

SIZE, EMBED, WIDTH = 128, 256, 192
SHARES = {"style": 0.6, "painting": 0.25, "photo": 0.15}


def config(vocab: int) -> dict[str, Any]:
    """The model's part of an `open_clip_config.json`."""
    return {
        "embed_dim": EMBED,
        "vision_cfg": {"image_size": SIZE, "patch_size": 16, "width": WIDTH, "layers": 6, "head_width": 64},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": vocab, "width": WIDTH, "heads": 3, "layers": 4},
    }


def build(vocab: int) -> CLIP:
    sizes = config(vocab)
    return CLIP(EMBED, CLIPVisionCfg(**sizes["vision_cfg"]), CLIPTextCfg(**sizes["text_cfg"]), output_dict=True)


def tokenizer_at(state: Path, pictures: Pictures) -> CLIPTokenizer:
    """The tokenizer, made from the captions at the first call."""
    folder = state / "tokenizer"
    if not (folder / "tokenizer_config.json").exists():
        train_tokenizer([r for r in pictures.rows if r["split"] == "train"], folder)
    return CLIPTokenizer.from_pretrained(folder)


def view(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of the time an unscaled part (strokes), half of the time the whole picture (what is on it)."""
    if rng.random() < 0.5:
        y, x = rng.integers(0, image.shape[0] - SIZE + 1, 2)
        image = image[y : y + SIZE, x : x + SIZE]
    else:
        image = cv2.resize(np.ascontiguousarray(image), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return image[:, ::-1] if rng.random() < 0.5 else image


def batch_of(pictures: Pictures, groups: Any, size: int, rng: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Pictures and captions, no two captions equal: the loss would take such a pair for different things."""
    images: list[np.ndarray] = []
    texts: list[str] = []
    for _ in range(20 * size):
        if len(texts) == size:
            break
        row = draw(groups, SHARES, rng)[0]
        text = caption(row, rng)
        if text not in texts:
            texts.append(text)
            images.append(view(pictures.pixels[row["row"]], rng))
    return to_tensor(images), texts


def train(state: Path, budget: Budget, *, batch: int = 64, device: str = "auto") -> Run:
    pictures = Pictures.open(state)
    tokenizer = tokenizer_at(state, pictures)
    acc = accelerator(device)
    torch.manual_seed(1)
    model = build(len(tokenizer)).to(acc.device)
    run = Run(
        state / "clip",
        {"clip": model},
        Recipe(lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, ema=0.995, warmup=150),
        budget,
        seed=1,
    )
    groups, loss_of = pictures.groups("train"), ClipLoss()
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        x, texts = batch_of(pictures, groups, batch, rng)
        ids = torch.from_numpy(tokenize(tokenizer, texts))
        with acc.autocast():
            out = model(x.to(acc.device), ids.to(acc.device))
        run.update(loss_of(out["image_features"].float(), out["text_features"].float(), out["logit_scale"].float()))
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6052)
        if run.step % 200 == 0:
            report(run, pictures, tokenizer)
    report(run, pictures, tokenizer)
    return run


def report(run: Run, pictures: Pictures, tokenizer: CLIPTokenizer) -> None:
    """Print how often a held-back picture finds its caption among 64, and its manner among the others."""
    model = build(len(tokenizer))
    model.load_state_dict(run.averaged()["clip"])
    hits, same = accuracy(model.eval(), pictures, tokenizer)
    spent = f"clip step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}"
    print(f"\n{spent} caption 1 of 64: {hits:.2f} manner: {same:.2f}", flush=True)


def accuracy(model: CLIP, pictures: Pictures, tokenizer: CLIPTokenizer) -> tuple[float, float]:
    """Two shares on held-back pictures: caption found among 64, nearest other picture is of the same manner."""
    rng, groups = np.random.default_rng(5), pictures.groups("val")
    with torch.no_grad():
        x, texts = batch_of(pictures, groups, 64, rng)
        out = model(x, torch.from_numpy(tokenize(tokenizer, texts)))
        hits = (out["image_features"] @ out["text_features"].T).argmax(1) == torch.arange(len(texts))
        rows = [r for manner in groups["style"] for r in manner]
        small = [cv2.resize(pictures.pixels[r["row"]], (SIZE, SIZE), interpolation=cv2.INTER_AREA) for r in rows]
        features = model.encode_image(to_tensor(small), normalize=True)
        near = (features @ features.T - 2 * torch.eye(len(rows))).argmax(1).tolist()
    same = [rows[i]["manner"] == rows[j]["manner"] for i, j in enumerate(near)]
    return float(hits.float().mean()), float(np.mean(same))


def text_tower(model: CLIP, vocab: int) -> CLIPTextModel:
    """The text tower as transformers' model; its last hidden state equals open_clip's token by token."""
    sizes = CLIPTextConfig(
        vocab_size=vocab, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4, num_attention_heads=3,
        max_position_embeddings=CONTEXT, hidden_act="gelu", projection_dim=EMBED, layer_norm_eps=1e-5,
        bos_token_id=vocab - 2, eos_token_id=vocab - 1, pad_token_id=vocab - 1,
    )  # fmt: skip
    tower = CLIPTextModel(sizes)
    source = model.state_dict()
    table = {
        "embeddings.token_embedding.weight": source["token_embedding.weight"],
        "embeddings.position_embedding.weight": source["positional_embedding"],
        "final_layer_norm.weight": source["ln_final.weight"],
        "final_layer_norm.bias": source["ln_final.bias"],
    }
    names = {
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
        "attn.out_proj": "self_attn.out_proj",
    }
    for layer in range(4):
        old, new = f"transformer.resblocks.{layer}.", f"encoder.layers.{layer}."
        for kind in ("weight", "bias"):
            for a, b in names.items():
                table[f"{new}{b}.{kind}"] = source[f"{old}{a}.{kind}"]
            for name, part in zip("qkv", source[f"{old}attn.in_proj_{kind}"].chunk(3), strict=True):
                table[f"{new}self_attn.{name}_proj.{kind}"] = part
    prefix = "text_model." if any(k.startswith("text_model.") for k in tower.state_dict()) else ""
    tower.load_state_dict({prefix + k: v.clone() for k, v in table.items()}, strict=False)
    missing = [k for k in tower.state_dict() if k.removeprefix(prefix) not in table and "position_ids" not in k]
    if missing:
        raise RuntimeError(f"text tower: no weights for {missing}")
    return tower.eval().requires_grad_(False)


def embed(model: CLIP, images: Tensor) -> tuple[Tensor, Tensor]:
    """Projected embedding (b, e) and projected patch embeddings (b, k, e) of (b, 3, 128, 128) in [-1, 1]."""
    visual = model.visual
    before, visual.output_tokens = visual.output_tokens, True
    try:
        pooled, tokens = visual(images)
    finally:
        visual.output_tokens = before
    return pooled, tokens @ visual.proj


def views(image: np.ndarray) -> list[np.ndarray]:
    """The whole picture at 128 px and its four unscaled quadrants; (256, 256, 3) uint8."""
    whole = cv2.resize(np.ascontiguousarray(image), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return [whole, *(image[y : y + SIZE, x : x + SIZE] for y in (0, SIZE) for x in (0, SIZE))]


def load(state: Path, vocab: int) -> CLIP:
    return load_averaged(state / "clip", "clip", build(vocab))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    train(args.state, Budget(minutes=args.minutes), device=args.device)


if __name__ == "__main__":
    main()

"""Step 3: train a small CLIP with open_clip's model and loss: `python -m miniature.diffusion.clip --state DIR`."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from open_clip.loss import ClipLoss
from open_clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from miniature.common.clip import Towers, clamp_logit_scale, tokenizer_in
from miniature.common.tokenizer import CONTEXT, tokenize
from miniature.common.training import Budget, Recipe, Run, accelerator, add_start, load_averaged, start_from
from miniature.diffusion.data.captions import caption, texts_of
from miniature.diffusion.data.dataset import Pictures, sample_pair, to_tensor

SIZE, EMBED, WIDTH = 128, 256, 192
TOWERS = Towers(
    image_size=SIZE, patch_size=16, embed_dim=EMBED, width=WIDTH, vision_layers=6, text_layers=4, patch_dropout=0.5
)
SHARES = {"style": 0.7, "painting": 0.2, "photo": 0.1}
# Inverse temperature of the contrastive loss between two pictures of a variant.
PAIR_SCALE = torch.tensor(15.0)


def build(vocab: int) -> CLIP:
    """The two towers; half of the patches are dropped in training, which nearly doubles the speed (FLIP)."""
    return TOWERS.build(vocab)


def load_tokenizer(state: Path, pictures: Pictures, start: Path | None = None) -> CLIPTokenizer:
    """The tokenizer: trained on the captions on first use, or copied from the exported model in ``start``."""
    folder = state / "tokenizer"
    if start is not None and not folder.exists():
        shutil.copytree(start / "tokenizer", folder)
    return tokenizer_in(folder, lambda: texts_of([r for r in pictures.rows if r["split"] == "train"]), 2000)


def random_view(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With equal probability an unscaled crop, which shows strokes, or the whole picture, which shows the content."""
    if rng.random() < 0.5:
        y, x = rng.integers(0, image.shape[0] - SIZE + 1, 2)
        image = image[y : y + SIZE, x : x + SIZE]
    else:
        image = cv2.resize(np.ascontiguousarray(image), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return image[:, ::-1] if rng.random() < 0.5 else image


def recolour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change the colours but not the strokes: random mixing of channels, gamma and saturation."""
    mix = 0.6 * np.eye(3)[rng.permutation(3)] + 0.4 * rng.dirichlet(np.ones(3), 3)
    out = (image.astype(np.float32) / 255) ** rng.uniform(0.7, 1.4) @ mix.T.astype(np.float32)
    grey = out.mean(-1, keepdims=True)
    return np.round(255 * np.clip(grey + rng.uniform(0, 1.3) * (out - grey), 0, 1)).astype(np.uint8)


@dataclass(frozen=True)
class Batch:
    """Pictures, other pictures of the same variants, and captions.

    Args:
        has_style: which pictures are not photos.
        styles: indices in :func:`style_names`.
    """

    images: Tensor
    others: Tensor
    texts: list[str]
    has_style: Tensor
    styles: Tensor


def style_names(pictures: Pictures) -> list[str]:
    """Names of the training styles, including "painting" and "photo"."""
    return sorted({row["style"] for row in pictures.rows if row["split"] == "train"})


def sample_batch(
    pictures: Pictures, groups: Any, size: int, rng: np.random.Generator, styles: dict[str, int] | None = None
) -> Batch:
    """A batch in which no two captions and no two variants are equal, since the loss would treat them as negatives.

    In half of the batches the colours of each picture are changed and not mentioned, so that only strokes identify it.

    Args:
        styles: index of each style; pictures of other styles are ignored by the classification loss.
    """
    images, others, texts, chosen = [], [], [], []
    variants: set[int] = set()
    recoloured = rng.random() < 0.5
    for _ in range(20 * size):
        if len(texts) == size:
            break
        row, other = sample_pair(groups, SHARES, rng)
        text = caption(row, rng, colours=not recoloured)
        if text not in texts and row["manner"] not in variants:
            variants.add(row["manner"])
            texts.append(text)
            chosen.append(row)
            for source, into in ((row, images), (other, others)):
                part = random_view(pictures.pixels[source["row"]], rng)
                into.append(recolour(part, rng) if recoloured else part)
    return Batch(
        to_tensor(images),
        to_tensor(others),
        texts,
        torch.tensor([row["kind"] != "photo" for row in chosen]),
        torch.tensor([(styles or {}).get(row["style"], -100) for row in chosen]),
    )


def train(state: Path, budget: Budget, *, batch: int = 64, device: str = "auto", start: Path | None = None) -> Run:
    pictures = Pictures.open(state)
    tokenizer = load_tokenizer(state, pictures, start)
    acc = accelerator(device)
    torch.manual_seed(1)
    model = build(len(tokenizer)).to(acc.device)
    if start is not None:
        start_from(start / "clip" / "open_clip_model.safetensors", model)
    # Every patch has a style classification loss, because the contrastive loss alone hardly teaches local textures.
    style_indices = {name: index for index, name in enumerate(style_names(pictures))}
    head = nn.Linear(EMBED, len(style_indices)).to(acc.device)
    run = Run(
        state / "clip",
        {"clip": model, "head": head},
        Recipe(lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, ema=0.995, warmup=150),
        budget,
        seed=1,
    )
    groups, contrast = pictures.groups("train"), ClipLoss()
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        drawn = sample_batch(pictures, groups, batch, rng, style_indices)
        ids = torch.from_numpy(tokenize(tokenizer, drawn.texts)).to(acc.device)
        styles, has_style = drawn.styles.to(acc.device), drawn.has_style.to(acc.device)
        with acc.autocast():
            pooled, patches = embed(model, drawn.images.to(acc.device))
            others = embed(model, drawn.others[drawn.has_style].to(acc.device))[0]
            texts = model.encode_text(ids, normalize=True)
            logits, patch_logits = head(pooled), head(patches)
        image_embeds, other_embeds = (functional.normalize(x.float(), dim=-1) for x in (pooled, others))
        loss = contrast(image_embeds, texts.float(), model.logit_scale.exp())
        loss = loss + contrast(image_embeds[has_style], other_embeds, PAIR_SCALE)
        loss = loss + functional.cross_entropy(logits.float(), styles)
        patch_styles = styles[:, None].expand(-1, patches.shape[1])
        run.update(loss + functional.cross_entropy(patch_logits.float().flatten(0, 1), patch_styles.flatten()))
        clamp_logit_scale(model)
        if run.step % 200 == 0:
            report(run, pictures, tokenizer)
    report(run, pictures, tokenizer)
    return run


def report(run: Run, pictures: Pictures, tokenizer: CLIPTokenizer) -> None:
    """Print the retrieval accuracies on held-out pictures."""
    model = build(len(tokenizer))
    model.load_state_dict(run.averaged()["clip"])
    caption_accuracy, variant_accuracy = accuracy(model.eval(), pictures, tokenizer)
    spent = f"clip step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}"
    print(f"\n{spent} top-1 caption (of 64) {caption_accuracy:.2f} variant {variant_accuracy:.2f}", flush=True)


def accuracy(model: CLIP, pictures: Pictures, tokenizer: CLIPTokenizer) -> tuple[float, float]:
    """On held-out pictures: top-1 caption retrieval (of 64), and nearest neighbours of the same variant."""
    rng, groups = np.random.default_rng(5), pictures.groups("val")
    with torch.no_grad():
        drawn = sample_batch(pictures, groups, 64, rng)
        out = model(drawn.images, torch.from_numpy(tokenize(tokenizer, drawn.texts)))
        hits = (out["image_features"] @ out["text_features"].T).argmax(1) == torch.arange(len(drawn.texts))
        rows = [r for variant in groups["style"] for r in variant]
        small = [cv2.resize(pictures.pixels[r["row"]], (SIZE, SIZE), interpolation=cv2.INTER_AREA) for r in rows]
        features = model.encode_image(to_tensor(small), normalize=True)
        near = (features @ features.T - 2 * torch.eye(len(rows))).argmax(1).tolist()
    same = [rows[i]["manner"] == rows[j]["manner"] for i, j in enumerate(near)]
    return float(hits.float().mean()), float(np.mean(same))


def text_tower(model: CLIP, vocab: int) -> CLIPTextModel:
    """The text tower as transformers' model, with the same last hidden states as open_clip's."""
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
    """The whole picture at 128 px and its four quadrants, of a (256, 256, 3) uint8 picture."""
    whole = cv2.resize(np.ascontiguousarray(image), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return [whole, *(image[y : y + SIZE, x : x + SIZE] for y in (0, SIZE) for x in (0, SIZE))]


def load(state: Path, vocab: int) -> CLIP:
    return load_averaged(state / "clip", "clip", build(vocab))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--device", default="auto")
    add_start(parser)
    args = parser.parse_args()
    train(args.state, Budget(minutes=args.minutes), device=args.device, start=args.start)


if __name__ == "__main__":
    main()

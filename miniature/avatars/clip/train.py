"""A CLIP of the avatars' captions, `python -m miniature.avatars.clip --state DIR`; open_clip's model and loss.

It is not the CLIP of the paintings, whose text tower belongs to the diffusion model. Reads ``DIR/avatars.npy``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from open_clip.loss import ClipLoss
from open_clip.model import CLIP
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm
from transformers import CLIPTokenizer

from inst.clip.templates import IMAGENET_TEMPLATES
from miniature.avatars import Attributes, caption, sample, short_caption
from miniature.avatars.clip.zero_shot import middle, zero_shot
from miniature.avatars.data.augment import imperfect
from miniature.avatars.data.dataset import ChoiceHeads, Crowd, accuracy_table
from miniature.common.clip import Towers, hold_scale, save_clip, tokenizer_in
from miniature.common.folders import replacing_folder, scrub
from miniature.common.tokenizer import tokenize
from miniature.common.training import (
    Budget,
    Recipe,
    Run,
    accelerator,
    load_averaged,
    start_from,
)

TOWERS = Towers(
    image_size=64, patch_size=8, embed_dim=128, width=128, vision_layers=5, text_layers=3, head_width=32, pool="avg"
)  # fmt: skip
FOLDER, VOCAB = "avatar-clip", 1200
REPORT_EVERY = 200
LEAST_POWER, PLACE = 1e-3, 0.5
"""Keeps patches' faintest components from becoming noise; deviation of the places' embedding at the start."""
CHOICES_WEIGHT = 3.0
"""Of the loss on the choices, a mean over 21 of them."""
Worder = Callable[[Attributes, np.random.Generator], str]


def captions(count: int = 4000) -> list[str]:
    """Captions of avatars that nobody draws, long and short, and all templates: for the tokenizer."""
    rng = np.random.default_rng(0)
    texts = [word(sample(rng), rng) for _ in range(count // 2) for word in (caption, short_caption)]
    return texts + [template.format("face") for template in IMAGENET_TEMPLATES] * 20


@dataclass(frozen=True)
class Batch:
    """Avatars by their rows, with a long and a short caption each; no two captions of a kind are equal."""

    rows: np.ndarray
    long: list[str]
    short: list[str]


def batch_of(crowd: Crowd, rows: range, size: int, rng: np.random.Generator) -> Batch:
    """As many avatars as have captions of their own among ``20 * size``: the loss takes equal ones for different."""
    drawn: dict[int, tuple[str, str]] = {}
    said: set[str] = set()
    for row in rng.integers(rows.start, rows.stop, 20 * size):
        if len(drawn) == size:
            break
        texts = caption(crowd.attributes[row], rng), short_caption(crowd.attributes[row], rng)
        if int(row) not in drawn and said.isdisjoint(texts):
            said.update(texts)
            drawn[int(row)] = texts
    long, short = zip(*drawn.values(), strict=True)
    return Batch(np.array(list(drawn)), list(long), list(short))


def tokenizer_at(state: Path) -> CLIPTokenizer:
    return tokenizer_in(state / FOLDER / "tokenizer", captions, VOCAB)


@torch.no_grad()
def begin_at_patches(model: CLIP, pictures: Float[Tensor, "n 3 h w"]) -> None:
    """Start the vision tower at the principal components of patches, all equally strong, and places as strong as they.

    The whitening is that of Coates and Ng 2012. At a random start a patch's mean colour drowns its lines and its place,
    and the tower tells colours long before it tells one cut from another.
    """
    visual: Any = model.visual
    width, _, side, _ = visual.conv1.weight.shape
    patches = pictures.unfold(2, side, side).unfold(3, side, side)  # n, 3, rows, columns, side, side
    flat = patches.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).flatten(1).double()
    powers, components = torch.linalg.eigh(flat.T @ flat / len(flat))
    filters = components[:, -width:] / (powers[-width:].clamp_min(0) + LEAST_POWER).sqrt()
    visual.conv1.weight.copy_(filters.T.reshape_as(visual.conv1.weight))
    visual.positional_embedding.mul_(PLACE / visual.positional_embedding.std())


def train(
    state: Path, budget: Budget, *, batch: int = 48, device: str = "auto", start: Path | None = None,
    towers: Towers = TOWERS,
) -> Run:  # fmt: skip
    crowd, tokenizer, acc = Crowd.open(state), tokenizer_at(state), accelerator(device)
    torch.manual_seed(1)
    model = towers.build(len(tokenizer)).to(acc.device)
    if start is None:
        begin_at_patches(model, crowd.pictures(crowd.train[:500]))
    else:
        start_from(start / "clip" / "open_clip_model.safetensors", model)
    # Captions leave most of a picture out; asked for all of it, the vision tower learns several times as fast.
    heads = ChoiceHeads(towers.embed_dim).to(acc.device)
    recipe = Recipe(lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, ema=0.995, warmup=100)
    run = Run(state / FOLDER, {"clip": model, "heads": heads}, recipe, budget, seed=1)
    contrast = ClipLoss()
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        drawn = batch_of(crowd, crowd.train, batch, rng)
        pictures = imperfect(crowd.pictures(drawn.rows)).to(acc.device)
        ids = torch.from_numpy(tokenize(tokenizer, drawn.long + drawn.short)).to(acc.device)
        with acc.autocast():
            seen = model.encode_image(pictures)
            said = model.encode_text(ids, normalize=True)
            logits = heads(seen)
        unit = functional.normalize(seen.float(), dim=-1)
        losses = [contrast(unit, texts, model.logit_scale.exp()) for texts in said.float().chunk(2)]
        told = heads.loss(logits, crowd.choices(drawn.rows).to(acc.device))
        run.update(sum(losses) + CHOICES_WEIGHT * told)
        hold_scale(model)
        if run.step % REPORT_EVERY == 0:
            report(run, towers, crowd, tokenizer)
    report(run, towers, crowd, tokenizer)
    return run


def report(run: Run, towers: Towers, crowd: Crowd, tokenizer: CLIPTokenizer) -> None:
    """Print what the averaged model answers about held-back avatars."""
    model = towers.build(len(tokenizer))
    model.load_state_dict(run.averaged()["clip"])
    print(f"\nclip step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}")
    answers = zero_shot(model.eval(), crowd, tokenizer)
    print("  ".join(f"{name} {right:.3f}" for name, (right, _) in answers.items()), flush=True)


def export(state: Path, out: Path, towers: Towers = TOWERS) -> CLIP:
    """Write the averaged model of a run to ``out/clip``, for `inst.clip.load_clip("local-dir:...")`."""
    tokenizer = tokenizer_at(state)
    model = load_averaged(state / FOLDER, "clip", towers.build(len(tokenizer)))
    with replacing_folder(out / "clip") as beside:
        save_clip(model, towers, tokenizer, beside)
        scrub(beside)
    return model


def measure(state: Path) -> str:
    """Tables of the averaged model of a run."""
    crowd, tokenizer = Crowd.open(state), tokenizer_at(state)
    model = load_averaged(state / FOLDER, "clip", TOWERS.build(len(tokenizer)))
    torch.manual_seed(3)
    answers = accuracy_table(zero_shot(model, crowd, tokenizer), zero_shot(model, crowd, tokenizer, imperfect))
    near, usual = middle(model, crowd, tokenizer)
    return f'{answers}\n"a face" to the mean of short captions {near:.3f}; one of them {usual:.3f}'

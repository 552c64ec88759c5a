"""Training of a CLIP on avatars and their captions, with open_clip's model and loss.

It is separate from the CLIP of the paintings, whose text tower is part of the diffusion model.
"""

from __future__ import annotations

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
from miniature.avatars import caption, sample, short_caption
from miniature.avatars.clip.zero_shot import caption_centre, zero_shot
from miniature.avatars.data.augment import augment
from miniature.avatars.data.dataset import AvatarDataset, ChoiceHeads, accuracy_table
from miniature.common.clip import Towers, clamp_logit_scale, save_clip, tokenizer_in
from miniature.common.folders import remove_paths, replacing_folder
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
MIN_POWER, POSITION_STD = 1e-3, 0.5
"""Added to the eigenvalues, so that weak components are not amplified to noise; initial std of position embeddings."""
CHOICES_WEIGHT = 3.0
"""Weight of the classification loss, which is a mean over 21 attributes."""


def captions(count: int = 4000) -> list[str]:
    """Long and short captions of random avatars, and all templates, to train the tokenizer."""
    rng = np.random.default_rng(0)
    texts = [write(sample(rng), rng) for _ in range(count // 2) for write in (caption, short_caption)]
    return texts + [template.format("face") for template in IMAGENET_TEMPLATES] * 20


@dataclass(frozen=True)
class Batch:
    """Rows of avatars with a long and a short caption each; no two captions of a kind are equal."""

    rows: np.ndarray
    long: list[str]
    short: list[str]


def sample_batch(dataset: AvatarDataset, rows: range, size: int, rng: np.random.Generator) -> Batch:
    """``size`` avatars with distinct captions (fewer if ``20 * size`` candidates do not suffice).

    The contrastive loss would treat equal captions as negatives of each other.
    """
    selected: dict[int, tuple[str, str]] = {}
    used: set[str] = set()
    for row in rng.integers(rows.start, rows.stop, 20 * size):
        if len(selected) == size:
            break
        texts = caption(dataset.attributes[row], rng), short_caption(dataset.attributes[row], rng)
        if int(row) not in selected and used.isdisjoint(texts):
            used.update(texts)
            selected[int(row)] = texts
    long, short = zip(*selected.values(), strict=True)
    return Batch(np.array(list(selected)), list(long), list(short))


def load_tokenizer(state: Path) -> CLIPTokenizer:
    return tokenizer_in(state / FOLDER / "tokenizer", captions, VOCAB)


@torch.no_grad()
def init_from_patches(model: CLIP, images: Float[Tensor, "n 3 h w"]) -> None:
    """Initialise the patch embedding with whitened principal components, and scale the position embeddings to match.

    The whitening follows Coates and Ng 2012. With a random initialisation a patch's mean colour dominates its edges and
    its position, and the tower learns colours long before it learns to distinguish haircuts.
    """
    visual: Any = model.visual
    width, _, side, _ = visual.conv1.weight.shape
    patches = images.unfold(2, side, side).unfold(3, side, side)  # n, 3, rows, columns, side, side
    flat = patches.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).flatten(1).double()
    powers, components = torch.linalg.eigh(flat.T @ flat / len(flat))
    filters = components[:, -width:] / (powers[-width:].clamp_min(0) + MIN_POWER).sqrt()
    visual.conv1.weight.copy_(filters.T.reshape_as(visual.conv1.weight))
    visual.positional_embedding.mul_(POSITION_STD / visual.positional_embedding.std())


def train(
    state: Path, budget: Budget, *, batch: int = 48, device: str = "auto", start: Path | None = None,
    towers: Towers = TOWERS,
) -> Run:  # fmt: skip
    dataset, tokenizer, acc = AvatarDataset.open(state), load_tokenizer(state), accelerator(device)
    torch.manual_seed(1)
    model = towers.build(len(tokenizer)).to(acc.device)
    if start is None:
        init_from_patches(model, dataset.images(dataset.train[:500]))
    else:
        start_from(start / "clip" / "open_clip_model.safetensors", model)
    # Captions omit most attributes; a classification loss on all of them makes learning several times faster.
    heads = ChoiceHeads(towers.embed_dim).to(acc.device)
    recipe = Recipe(lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, ema=0.995, warmup=100)
    run = Run(state / FOLDER, {"clip": model, "heads": heads}, recipe, budget, seed=1)
    contrast = ClipLoss()
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        drawn = sample_batch(dataset, dataset.train, batch, rng)
        images = augment(dataset.images(drawn.rows)).to(acc.device)
        ids = torch.from_numpy(tokenize(tokenizer, drawn.long + drawn.short)).to(acc.device)
        with acc.autocast():
            image_embeds = model.encode_image(images)
            text_embeds = model.encode_text(ids, normalize=True)
            logits = heads(image_embeds)
        normalised = functional.normalize(image_embeds.float(), dim=-1)
        losses = [contrast(normalised, texts, model.logit_scale.exp()) for texts in text_embeds.float().chunk(2)]
        classification = heads.loss(logits, dataset.choices(drawn.rows).to(acc.device))
        run.update(sum(losses) + CHOICES_WEIGHT * classification)
        clamp_logit_scale(model)
        if run.step % REPORT_EVERY == 0:
            report(run, towers, dataset, tokenizer)
    report(run, towers, dataset, tokenizer)
    return run


def report(run: Run, towers: Towers, dataset: AvatarDataset, tokenizer: CLIPTokenizer) -> None:
    """Print the zero-shot accuracy of the averaged model on held-out avatars."""
    model = towers.build(len(tokenizer))
    model.load_state_dict(run.averaged()["clip"])
    print(f"\nclip step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}")
    answers = zero_shot(model.eval(), dataset, tokenizer)
    print("  ".join(f"{name} {right:.3f}" for name, (right, _) in answers.items()), flush=True)


def export(state: Path, out: Path, towers: Towers = TOWERS) -> CLIP:
    """Write the averaged model of a run to ``out/clip``, for `inst.clip.load_clip("local-dir:...")`."""
    tokenizer = load_tokenizer(state)
    model = load_averaged(state / FOLDER, "clip", towers.build(len(tokenizer)))
    with replacing_folder(out / "clip") as folder:
        save_clip(model, towers, tokenizer, folder)
        remove_paths(folder)
    return model


def measure(state: Path) -> str:
    """Zero-shot accuracy of the averaged model of a run, in Markdown."""
    dataset, tokenizer = AvatarDataset.open(state), load_tokenizer(state)
    model = load_averaged(state / FOLDER, "clip", TOWERS.build(len(tokenizer)))
    torch.manual_seed(3)
    answers = accuracy_table(zero_shot(model, dataset, tokenizer), zero_shot(model, dataset, tokenizer, augment))
    generic, typical = caption_centre(model, dataset, tokenizer)
    return f'{answers}\ncosine to the mean of short captions: "a face" {generic:.3f}, a caption {typical:.3f}'

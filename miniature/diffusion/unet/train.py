"""Step 5: the U-Net and, jointly, the inversion module, `python -m miniature.diffusion.unet --state DIR`.

In half of the samples the style half of the caption is the pseudo-word "[C]": four vectors that the inversion module
makes of *another* picture in the same manner. So the text space learns to answer to pictures, and a painting never seen
gets its word in one forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from tqdm import tqdm

from inst.inversion.attention import AttentionInversion
from miniature.common.training import Budget, Recipe, Run, accelerator, start_from
from miniature.diffusion import clip
from miniature.diffusion.data.captions import caption, content_words
from miniature.diffusion.data.dataset import Pictures, draw
from miniature.diffusion.embed import Features, Resident
from miniature.diffusion.unet.model import CHANNELS, PLACEHOLDER, TextSide, build, build_inversion
from miniature.diffusion.unet.schedule import scheduler, training_noise
from miniature.diffusion.unet.targets import Samples, Sight, picture_loss, sights, unpair
from miniature.diffusion.unet.time_embedding import carry_over

SHARES = {"style": 0.6, "painting": 0.3, "photo": 0.1}
KEYS = 96
BATCHES = {16: 16, 32: 5, 64: 2}
"""Of crops of so many latent pixels a side."""
SHAPES = {16: ((16, 16),), 32: ((32, 32), (24, 40), (40, 24)), 64: ((64, 64), (48, 64), (64, 48))}
"""Height and width that such a crop may have: photos are seldom square."""
GPU_BATCHES = 24
"""How many times a CPU's batch a GPU takes at once: its steps hardly take longer for it."""
PSEUDO_WORDS = 0.6
"""Share of prompts for renderings and paintings that say the manner by a pseudo-word."""
FORMS = (("[C]", 0.4), ("{} in the style of [C]", 0.2), ("{}, [C]", 0.2), ("a painting in the style of [C]", 0.2))


def prompt_of(row: dict[str, Any], rng: np.random.Generator, pseudo_words: float = PSEUDO_WORDS) -> str:
    """A training prompt: nothing in a tenth, a caption, or a form with "[C]"; photos keep their caption."""
    if rng.random() < 0.1:
        return ""
    if row["kind"] == "photo" or rng.random() >= pseudo_words:
        return caption(row, rng)
    form = FORMS[int(rng.choice(len(FORMS), p=[p for _, p in FORMS]))][0]
    return form.format(content_words(row) or "a picture")


def timesteps(count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Small crops see little noise, whole pictures much: under much noise a picture is its composition, which a crop
    does not have; under little it is its strokes, of which a crop shows as many for a fraction of the work."""
    low, high = {16: (50, 850), 32: (100, 900), 64: (250, 980)}[side]
    wide = rng.random(count) < 0.2
    return torch.from_numpy(np.where(wide, rng.integers(0, 1000, count), rng.integers(low, high, count)))


def side_of(used: float, rng: np.random.Generator) -> int:
    """Of a crop in latent pixels: mostly small ones first, then larger ones, whole pictures at the end."""
    shares = (0.8, 0.15, 0.05) if used < 0.75 else (0.4, 0.35, 0.25)
    return int(rng.choice(list(BATCHES), p=shares))


def shape_of(side: int, rng: np.random.Generator) -> tuple[int, int]:
    """One of the side's shapes."""
    return SHAPES[side][int(rng.integers(len(SHAPES[side])))]


@dataclass(frozen=True)
class TrainingState:
    """Where samples come from.

    Args:
        scale: how many times a CPU's batch a batch is.
        pseudo_words: share of prompts for renderings and paintings that say the manner by a pseudo-word.
    """

    groups: dict[str, list[list[dict[str, Any]]]]
    features: Features | Resident
    text: TextSide
    alpha_bar: Tensor
    device: torch.device
    scale: int = 1
    pseudo_words: float = PSEUDO_WORDS

    def draw(self, crop: int, rng: np.random.Generator) -> TrainingTask:
        """Pictures of ``crop`` latent pixels, under noise."""
        pairs = []
        while len(pairs) < BATCHES[crop] * self.scale:
            first, other = draw(self.groups, SHARES, rng)
            if self.features.ready(first["row"], None if first["kind"] == "photo" else other["row"]):
                pairs.append((first, other))
        parts = self.features.latents_of([r["row"] for r, _ in pairs], shape_of(crop, rng), rng)
        samples = Samples.of([row for row, _ in pairs], *(part.to(self.device) for part in parts))
        samples = unpair(samples, self.features, self.groups, rng)
        prompts = [prompt_of(row, rng, self.pseudo_words) for row in samples.rows]
        sources = [other["row"] for (_, other), prompt in zip(pairs, prompts, strict=True) if PLACEHOLDER in prompt]
        t = timesteps(len(pairs), crop, rng)
        sight = sights(samples, prompts, t, rng)
        signal = self.alpha_bar[t].view(-1, 1, 1, 1).to(self.device)
        xt = signal.sqrt() * sight.shown + (1 - signal).sqrt() * training_noise(sight.shown)
        style = self.features.style_of(sources, KEYS, rng) if sources else None
        return TrainingTask(xt, t.to(self.device), signal, sight, prompts, style)

    def read(self, lesson: TrainingTask, inversion: AttentionInversion) -> Tensor:
        """Hidden states of the lesson's prompts, its pseudo-words made by the module."""
        vectors = inversion(*(part.to(self.device) for part in lesson.style)) if lesson.style else None
        return self.text(lesson.prompts, vectors)


class TrainingTask(NamedTuple):
    """A batch of samples.

    Attributes:
        signal: (b, 1, 1, 1) alpha_bar of each.
        style: pooled and patch embeddings of the pictures that the pseudo-words are made of, if there are any.
    """

    xt: Tensor
    t: Tensor
    signal: Tensor
    sight: Sight
    prompts: list[str]
    style: tuple[Tensor, Tensor] | None


def begin(start: Path, alpha_bar: Tensor, unet: UNet2DConditionModel, inversion: AttentionInversion) -> None:
    """Fill both with an exported model's weights, carried over from its noise schedule where that is another."""
    start_from(start / "inversion" / "attention.safetensors", inversion)
    start_from(start / "unet" / "diffusion_pytorch_model.safetensors", unet)
    under = DDIMScheduler.from_pretrained(start / "scheduler").alphas_cumprod
    if not torch.equal(under, alpha_bar):
        missed = carry_over(unet, alpha_bar, under)
        print(f"carried over from another noise schedule; of its time embedding {missed:.1e} is missed")


def train(
    state: Path,
    budget: Budget,
    *,
    device: str = "auto",
    channels: tuple[int, ...] = CHANNELS,
    start: Path | None = None,
    pseudo_words: float = PSEUDO_WORDS,
    side: int | None = None,
    folder: str = "diffusion",
) -> Run:
    """Train, or go on where a run stopped.

    Args:
        side: of every crop in latent pixels; ``None`` takes more and larger ones as time goes by.
        folder: the run's, in ``state``.
    """
    pictures = Pictures.open(state)
    tokenizer = clip.tokenizer_at(state, pictures)
    acc = accelerator(device)
    features = Features.open(state)
    scale = 1
    if acc.device.type == "cuda":
        features, scale = Resident(features, acc.device), GPU_BATCHES
    torch.manual_seed(2)
    text = TextSide(clip.load(state, len(tokenizer)).to(acc.device), tokenizer)
    unet, inversion = build(channels).to(acc.device), build_inversion().to(acc.device)
    groups = pictures.groups("train")
    course = TrainingState(groups, features, text, scheduler().alphas_cumprod, acc.device, scale, pseudo_words)
    if start is not None and not (state / folder / "state.json").exists():
        begin(start, course.alpha_bar, unet, inversion)
    run = Run(
        state / folder,
        {"unet": unet, "inversion": inversion},
        Recipe(lr=6e-4, ema=0.998, warmup=200),
        budget,
        seed=2,
    )
    mean_loss, seen = 0.0, 0
    bar = tqdm(run.steps(), mininterval=20, initial=run.step)
    for rng in bar:
        lesson = course.draw(side or side_of(run.used, rng), rng)
        with acc.autocast():
            eps = unet(lesson.xt, lesson.t, encoder_hidden_states=course.read(lesson, inversion)).sample
        guess = (lesson.xt - (1 - lesson.signal).sqrt() * eps.float()) / lesson.signal.sqrt()
        run.update(picture_loss(guess, lesson.sight, lesson.signal))
        seen = min(seen + 1, 300)
        mean_loss += (run.last_loss - mean_loss) / seen
        bar.set_postfix(loss=f"{mean_loss:.4f}", refresh=False)
        if run.step % 500 == 0:
            print(f"\ndiffusion step {run.step} {run.seconds / 60:.1f} min loss {mean_loss:.4f}", flush=True)
    return run

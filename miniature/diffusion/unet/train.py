"""Joint training of the U-Net and the inversion module.

In more than half of the samples the caption names the style by the token "[C]", whose four vectors the inversion module
computes from *another* picture of the same variant. So the U-Net learns to follow style tokens of arbitrary pictures,
and the token of an unseen painting takes one forward pass.
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
from miniature.diffusion.data.dataset import Pictures, sample_pair
from miniature.diffusion.embed import Features, FeaturesOnDevice
from miniature.diffusion.unet.model import CHANNELS, PLACEHOLDER, TextTower, build, build_inversion
from miniature.diffusion.unet.schedule import scheduler, training_noise
from miniature.diffusion.unet.targets import Samples, Target, add_unpaired_photos, make_targets, picture_loss
from miniature.diffusion.unet.time_embedding import adapt_time_embedding

SHARES = {"style": 0.6, "painting": 0.3, "photo": 0.1}
KEYS = 96
BATCHES = {16: 16, 32: 5, 64: 2}
"""Batch size by the side of the crops in latent pixels."""
SHAPES = {16: ((16, 16),), 32: ((32, 32), (24, 40), (40, 24)), 64: ((64, 64), (48, 64), (64, 48))}
"""Heights and widths of crops of each size, since photos are seldom square."""
GPU_BATCH_SCALE = 24
"""Factor of the batch sizes on a GPU."""
TOKEN_SHARE = 0.6
"""Share of the prompts of renderings and paintings in which "[C]" names the style."""
TEMPLATES = (("[C]", 0.4), ("{} in the style of [C]", 0.2), ("{}, [C]", 0.2), ("a painting in the style of [C]", 0.2))


def sample_prompt(row: dict[str, Any], rng: np.random.Generator, token_share: float = TOKEN_SHARE) -> str:
    """A training prompt: empty with probability 0.1, else a caption or (not for photos) a template with "[C]"."""
    if rng.random() < 0.1:
        return ""
    if row["kind"] == "photo" or rng.random() >= token_share:
        return caption(row, rng)
    template = TEMPLATES[int(rng.choice(len(TEMPLATES), p=[p for _, p in TEMPLATES]))][0]
    return template.format(content_words(row) or "a picture")


def sample_timesteps(count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Random timesteps: mostly low noise levels for small crops and high ones for whole pictures.

    High noise levels determine the composition, which a crop does not show; low ones determine strokes, for which crops
    suffice at a fraction of the cost.
    """
    low, high = {16: (50, 850), 32: (100, 900), 64: (250, 980)}[side]
    uniform = rng.random(count) < 0.2
    return torch.from_numpy(np.where(uniform, rng.integers(0, 1000, count), rng.integers(low, high, count)))


def sample_side(used: float, rng: np.random.Generator) -> int:
    """Side of a crop in latent pixels: mostly small at first, larger crops and whole pictures near the end."""
    shares = (0.8, 0.15, 0.05) if used < 0.75 else (0.4, 0.35, 0.25)
    return int(rng.choice(list(BATCHES), p=shares))


def sample_shape(side: int, rng: np.random.Generator) -> tuple[int, int]:
    """A random shape of the given size."""
    return SHAPES[side][int(rng.integers(len(SHAPES[side])))]


@dataclass(frozen=True)
class BatchSampler:
    """The source of training batches.

    Args:
        scale: factor of the batch sizes.
        token_share: share of the prompts of renderings and paintings in which "[C]" names the style.
    """

    groups: dict[str, list[list[dict[str, Any]]]]
    features: Features | FeaturesOnDevice
    text: TextTower
    alpha_bar: Tensor
    device: torch.device
    scale: int = 1
    token_share: float = TOKEN_SHARE

    def sample(self, crop: int, rng: np.random.Generator) -> TrainingBatch:
        """A batch of crops of ``crop`` latent pixels with noise."""
        pairs = []
        while len(pairs) < BATCHES[crop] * self.scale:
            first, other = sample_pair(self.groups, SHARES, rng)
            if self.features.ready(first["row"], None if first["kind"] == "photo" else other["row"]):
                pairs.append((first, other))
        parts = self.features.latents_of([r["row"] for r, _ in pairs], sample_shape(crop, rng), rng)
        samples = Samples.of([row for row, _ in pairs], *(part.to(self.device) for part in parts))
        samples = add_unpaired_photos(samples, self.features, self.groups, rng)
        prompts = [sample_prompt(row, rng, self.token_share) for row in samples.rows]
        sources = [other["row"] for (_, other), prompt in zip(pairs, prompts, strict=True) if PLACEHOLDER in prompt]
        t = sample_timesteps(len(pairs), crop, rng)
        target = make_targets(samples, prompts, t, rng)
        signal = self.alpha_bar[t].view(-1, 1, 1, 1).to(self.device)
        xt = signal.sqrt() * target.input + (1 - signal).sqrt() * training_noise(target.input)
        style = self.features.style_of(sources, KEYS, rng) if sources else None
        return TrainingBatch(xt, t.to(self.device), signal, target, prompts, style)

    def encode(self, batch: TrainingBatch, inversion: AttentionInversion) -> Tensor:
        """Hidden states of the batch's prompts, with style tokens from the inversion module."""
        vectors = inversion(*(part.to(self.device) for part in batch.style)) if batch.style else None
        return self.text(batch.prompts, vectors)


class TrainingBatch(NamedTuple):
    """A training batch.

    Attributes:
        signal: (b, 1, 1, 1) alpha_bar of each sample.
        style: pooled and patch embeddings of the pictures from which style tokens are computed, if there are any.
    """

    xt: Tensor
    t: Tensor
    signal: Tensor
    target: Target
    prompts: list[str]
    style: tuple[Tensor, Tensor] | None


def init_from(start: Path, alpha_bar: Tensor, unet: UNet2DConditionModel, inversion: AttentionInversion) -> None:
    """Load an exported model's weights into both modules; adapts the U-Net if the noise schedule has changed."""
    start_from(start / "inversion" / "attention.safetensors", inversion)
    start_from(start / "unet" / "diffusion_pytorch_model.safetensors", unet)
    old_alpha_bar = DDIMScheduler.from_pretrained(start / "scheduler").alphas_cumprod
    if not torch.equal(old_alpha_bar, alpha_bar):
        residual = adapt_time_embedding(unet, alpha_bar, old_alpha_bar)
        print(f"adapted to another noise schedule; unexplained variance of the time embedding: {residual:.1e}")


def train(
    state: Path,
    budget: Budget,
    *,
    device: str = "auto",
    channels: tuple[int, ...] = CHANNELS,
    start: Path | None = None,
    token_share: float = TOKEN_SHARE,
    side: int | None = None,
    folder: str = "diffusion",
) -> Run:
    """Train, or resume a run.

    Args:
        side: side of every crop in latent pixels; ``None`` for crops that become larger during training.
        folder: folder of the run in ``state``.
    """
    pictures = Pictures.open(state)
    tokenizer = clip.load_tokenizer(state, pictures)
    acc = accelerator(device)
    features = Features.open(state)
    scale = 1
    if acc.device.type == "cuda":
        features, scale = FeaturesOnDevice(features, acc.device), GPU_BATCH_SCALE
    torch.manual_seed(2)
    text = TextTower(clip.load(state, len(tokenizer)).to(acc.device), tokenizer)
    unet, inversion = build(channels).to(acc.device), build_inversion().to(acc.device)
    groups = pictures.groups("train")
    sampler = BatchSampler(groups, features, text, scheduler().alphas_cumprod, acc.device, scale, token_share)
    if start is not None and not (state / folder / "state.json").exists():
        init_from(start, sampler.alpha_bar, unet, inversion)
    run = Run(
        state / folder,
        {"unet": unet, "inversion": inversion},
        Recipe(lr=6e-4, ema=0.998, warmup=200),
        budget,
        seed=2,
    )
    mean_loss, count = 0.0, 0
    bar = tqdm(run.steps(), mininterval=20, initial=run.step)
    for rng in bar:
        batch = sampler.sample(side or sample_side(run.used, rng), rng)
        with acc.autocast():
            eps = unet(batch.xt, batch.t, encoder_hidden_states=sampler.encode(batch, inversion)).sample
        x0 = (batch.xt - (1 - batch.signal).sqrt() * eps.float()) / batch.signal.sqrt()
        run.update(picture_loss(x0, batch.target, batch.signal))
        count = min(count + 1, 300)
        mean_loss += (run.last_loss - mean_loss) / count
        bar.set_postfix(loss=f"{mean_loss:.4f}", refresh=False)
        if run.step % 500 == 0:
            print(f"\ndiffusion step {run.step} {run.seconds / 60:.1f} min loss {mean_loss:.4f}", flush=True)
    return run

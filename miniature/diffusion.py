"""Step 5: the U-Net and, jointly, the inversion module, `python -m miniature.diffusion --state DIR`.

In half of the samples the style half of the caption is the pseudo-word "[C]": four vectors that the inversion module
makes of *another* picture in the same manner. So the text space learns to answer to pictures, and a painting never seen
gets its word in one forward pass.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from open_clip.model import CLIP
from torch import Tensor, nn
from tqdm import tqdm
from transformers import CLIPTokenizer

from inst.inversion.attention import AttentionInversion
from miniature import clip
from miniature.embed import Features, Resident
from miniature.pictures import Pictures, draw
from miniature.schedule import scheduler, training_noise
from miniature.sight import Samples, Sight, picture_loss, sights, unpair
from miniature.time_embedding import carry_over
from miniature.training import Budget, Recipe, Run, accelerator, add_start, start_from
from miniature.words import CONTEXT, caption, content_words

SHARES = {"style": 0.6, "painting": 0.3, "photo": 0.1}
CHANNELS = (64, 128, 192)
"""Of the U-Net's levels; `unet_sizes` measures others beside it."""
VECTORS, KEYS = 4, 96
PLACEHOLDER = "[C]"
INVERSION: dict[str, Any] = {
    "dim": clip.EMBED, "token_dim": clip.WIDTH, "num_vectors": VECTORS, "num_heads": 8, "head_dim": 32, "dropout": 0.05,
    "own_maps": True, "token_norm": 32.0,
}  # fmt: skip
BATCHES = {16: 16, 32: 5, 64: 2}
"""Of crops of so many latent pixels a side."""
SHAPES = {16: ((16, 16),), 32: ((32, 32), (24, 40), (40, 24)), 64: ((64, 64), (48, 64), (64, 48))}
"""Height and width that such a crop may have: photos are seldom square."""
GPU_BATCHES = 24
"""How many times a CPU's batch a GPU takes at once: its steps hardly take longer for it."""
PSEUDO_WORDS = 0.6
"""Share of prompts for renderings and paintings that say the manner by a pseudo-word."""
FORMS = (("[C]", 0.4), ("{} in the style of [C]", 0.2), ("{}, [C]", 0.2), ("a painting in the style of [C]", 0.2))


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=67)
    parser.add_argument("--device", default="auto")
    add_start(parser)
    args = parser.parse_args()
    train(args.state, Budget(minutes=args.minutes), device=args.device, start=args.start)


if __name__ == "__main__":
    main()

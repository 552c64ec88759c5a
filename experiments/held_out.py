"""The loss of short training runs on held-out styles.

The denoising loss of a picture in a held-out style: with an empty prompt, with the "[C]" computed from another picture
of the same variant, and with a "[C]" learned from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from inst.inversion.attention import AttentionInversion
from miniature.common.training import load_averaged
from miniature.diffusion import autoencoder, clip
from miniature.diffusion.data.dataset import Pictures, to_tensor
from miniature.diffusion.embed import style_embedding
from miniature.diffusion.unet import model
from miniature.diffusion.unet.model import PLACEHOLDER, VECTORS, TextTower
from miniature.diffusion.unet.schedule import scheduler, training_noise
from miniature.diffusion.unet.targets import Target, picture_loss
from miniature.diffusion.unet.train import KEYS

SIDE, STEPS, BATCH = 16, 40, 6
TIMESTEPS = (400, 600, 800)
RATES = (0.01, 0.1)
"""Learning rates of "[C]" relative to the norm of its vectors; the best one counts for each style."""
_ALPHA_BAR = scheduler().alphas_cumprod


@dataclass(frozen=True)
class HeldOutStyle:
    """Latents of the example that "[C]" is learned from and of other pictures, and CLIP embeddings of the example."""

    example: Tensor
    others: Tensor
    embeds: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TrainedRun:
    """The networks of a training run."""

    unet: UNet2DConditionModel
    inversion: AttentionInversion | None
    text: TextTower

    @classmethod
    def of(
        cls, folder: Path, text: TextTower, channels: tuple[int, ...] = model.CHANNELS, *, module: bool = True
    ) -> TrainedRun:
        """Load the averaged weights of a run; ``module``: whether the inversion module was trained, too."""
        unet = load_averaged(folder, "unet", model.build(channels))
        return cls(unet, load_averaged(folder, "inversion", model.build_inversion()) if module else None, text)

    def loss(self, target: Tensor, vectors: Tensor | None, seed: int) -> Tensor:
        """The training loss of crops (b, 4, s, s); without ``vectors`` (4, d) the prompt is empty."""
        count = len(target)
        torch.manual_seed(seed)
        t = torch.tensor([TIMESTEPS[i % len(TIMESTEPS)] for i in range(count)])
        signal = _ALPHA_BAR[t].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * target + (1 - signal).sqrt() * training_noise(target)
        prompts = [PLACEHOLDER if vectors is not None else ""] * count
        with torch.autocast("cpu", torch.bfloat16):
            states = self.text(prompts, None if vectors is None else vectors.expand(count, -1, -1))
            noise = self.unet(noisy, t, encoder_hidden_states=states).sample.float()
        return picture_loss((noisy - (1 - signal).sqrt() * noise) / signal.sqrt(), Target(target, target), signal)

    def held_out_loss(self, style: HeldOutStyle, vectors: Tensor | None) -> float:
        """The loss on fixed crops of the other pictures with fixed noise."""
        crops = sample_crops(style.others, 24, np.random.default_rng(5))
        with torch.no_grad():
            return float(self.loss(crops, vectors, seed=1))

    def initial_vectors(self, style: HeldOutStyle) -> Tensor:
        """Vectors (4, d) of "[C]" before it is learned: from the module, or of the word "painting"."""
        if self.inversion is not None:
            with torch.no_grad():
                return self.inversion(*style.embeds)[0]
        ids = self.text.tokenizer("painting", add_special_tokens=False)["input_ids"]
        return self.text.model.token_embedding(torch.tensor(ids)).mean(0).detach().expand(VECTORS, -1).clone()

    def learned_vectors(self, style: HeldOutStyle, rate: float) -> Tensor:
        """The vectors after `STEPS` steps on crops of the example."""
        vectors = self.initial_vectors(style).clone().requires_grad_()
        optimizer = torch.optim.Adam([vectors], lr=rate * float(vectors.detach().square().mean().sqrt()))
        rng = np.random.default_rng(6)
        for step in range(STEPS):
            self.loss(sample_crops(style.example, BATCH, rng), vectors, seed=100 + step).backward()
            optimizer.step()
            optimizer.zero_grad()
        return vectors.detach()


def sample_crops(latents: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """(count, 4, 16, 16) random crops of (n, 4, 64, 64)."""
    corners = rng.integers(0, latents.shape[-1] - SIDE + 1, (count, 2))
    return torch.stack([latents[i % len(latents)][:, y : y + SIDE, x : x + SIDE] for i, (y, x) in enumerate(corners)])


def load_text_tower(state: Path) -> TextTower:
    """The text tower in a state folder."""
    tokenizer = clip.load_tokenizer(state, Pictures.open(state))
    return TextTower(clip.load(state, len(tokenizer)).float(), tokenizer)


def held_out_styles(state: Path, vocab: int) -> Iterator[HeldOutStyle]:
    """One variant of each held-out style."""
    pictures = Pictures.open(state)
    vae, clip_model = autoencoder.load(state), clip.load(state, vocab)
    pictures_by_style = {}
    for variant in pictures.groups("val")["style"]:
        pictures_by_style.setdefault(variant[0]["style"], [pictures.pixels[row["row"]] for row in variant])
    for images in pictures_by_style.values():
        with torch.no_grad():
            latents = vae.encode(to_tensor(images)).latent_dist.mean
            pooled, patches = style_embedding(clip_model, images[:1])
        chosen = np.random.default_rng(7).choice(patches.shape[1], KEYS, replace=False)
        yield HeldOutStyle(latents[:1], latents[1:], (pooled.float(), patches[:, np.sort(chosen)].float()))

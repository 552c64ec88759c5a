"""What a short run came to, told on manners never trained on.

How far a picture in such a manner is missed when noise has hidden it: with the prompt empty, with the "[C]" of another
picture in that manner, and with that "[C]" learned.
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
from miniature.diffusion.unet.model import PLACEHOLDER, VECTORS, TextSide
from miniature.diffusion.unet.schedule import scheduler, training_noise
from miniature.diffusion.unet.targets import Sight, picture_loss
from miniature.diffusion.unet.train import KEYS

SIDE, STEPS, BATCH = 16, 40, 6
TIMESTEPS = (400, 600, 800)
RATES = (0.01, 0.1)
"""Of learning "[C]", in the size of its vectors; each manner is given the best of them."""
_ALPHA_BAR = scheduler().alphas_cumprod


@dataclass(frozen=True)
class Manner:
    """One held-out style: the picture that "[C]" is learned from, the others, and what CLIP sees of the first."""

    example: Tensor
    others: Tensor
    seen: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    unet: UNet2DConditionModel
    inversion: AttentionInversion | None
    text: TextSide

    @classmethod
    def of(
        cls, folder: Path, text: TextSide, channels: tuple[int, ...] = model.CHANNELS, *, module: bool = True
    ) -> Trained:
        """The averaged weights that a run left in its folder; ``module`` says whether it trained the inversion, too."""
        unet = load_averaged(folder, "unet", model.build(channels))
        return cls(unet, load_averaged(folder, "inversion", model.build_inversion()) if module else None, text)

    def loss(self, wanted: Tensor, vectors: Tensor | None, seed: int) -> Tensor:
        """How far crops (b, 4, s, s) are missed; without ``vectors`` (4, d) the prompt is empty."""
        count = len(wanted)
        torch.manual_seed(seed)
        t = torch.tensor([TIMESTEPS[i % len(TIMESTEPS)] for i in range(count)])
        signal = _ALPHA_BAR[t].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * wanted + (1 - signal).sqrt() * training_noise(wanted)
        prompts = [PLACEHOLDER if vectors is not None else ""] * count
        with torch.autocast("cpu", torch.bfloat16):
            states = self.text(prompts, None if vectors is None else vectors.expand(count, -1, -1))
            noise = self.unet(noisy, t, encoder_hidden_states=states).sample.float()
        return picture_loss((noisy - (1 - signal).sqrt() * noise) / signal.sqrt(), Sight(wanted, wanted), signal)

    def missed(self, manner: Manner, vectors: Tensor | None) -> float:
        """Over the same crops of the other pictures, under the same noise, every time."""
        crops = crops_of(manner.others, 24, np.random.default_rng(5))
        with torch.no_grad():
            return float(self.loss(crops, vectors, seed=1))

    def begin(self, manner: Manner) -> Tensor:
        """(4, d) what "[C]" is before it is learned."""
        if self.inversion is not None:
            with torch.no_grad():
                return self.inversion(*manner.seen)[0]
        ids = self.text.tokenizer("painting", add_special_tokens=False)["input_ids"]
        return self.text.model.token_embedding(torch.tensor(ids)).mean(0).detach().expand(VECTORS, -1).clone()

    def learned(self, manner: Manner, rate: float) -> Tensor:
        """The same after `STEPS` steps on crops of the example."""
        vectors = self.begin(manner).clone().requires_grad_()
        optimizer = torch.optim.Adam([vectors], lr=rate * float(vectors.detach().square().mean().sqrt()))
        rng = np.random.default_rng(6)
        for step in range(STEPS):
            self.loss(crops_of(manner.example, BATCH, rng), vectors, seed=100 + step).backward()
            optimizer.step()
            optimizer.zero_grad()
        return vectors.detach()


def crops_of(latents: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """(count, 4, 16, 16) random parts of (n, 4, 64, 64)."""
    places = rng.integers(0, latents.shape[-1] - SIDE + 1, (count, 2))
    return torch.stack([latents[i % len(latents)][:, y : y + SIDE, x : x + SIDE] for i, (y, x) in enumerate(places)])


def text_side(state: Path) -> TextSide:
    """The state's text tower."""
    tokenizer = clip.tokenizer_at(state, Pictures.open(state))
    return TextSide(clip.load(state, len(tokenizer)).float(), tokenizer)


def manners(state: Path, tokens: int) -> Iterator[Manner]:
    """One of each held-out style."""
    pictures = Pictures.open(state)
    vae, eye = autoencoder.load(state), clip.load(state, tokens)
    found = {}
    for manner in pictures.groups("val")["style"]:
        found.setdefault(manner[0]["style"], [pictures.pixels[row["row"]] for row in manner])
    for images in found.values():
        with torch.no_grad():
            latents = vae.encode(to_tensor(images)).latent_dist.mean
            pooled, patches = style_embedding(eye, images[:1])
        chosen = np.random.default_rng(7).choice(patches.shape[1], KEYS, replace=False)
        yield Manner(latents[:1], latents[1:], (pooled.float(), patches[:, np.sort(chosen)].float()))

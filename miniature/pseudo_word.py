"""Is the text space to be taught by pseudo-words? Two short runs at 64 px, with and without.

`python -m miniature.pseudo_word --state DIR --steps 1000` trains both and prints a table: how far a picture in a manner
never trained on is missed when noise has hidden it, with the prompt empty and with a "[C]" that was learned from
another picture in that manner. With pseudo-words the inversion module says what "[C]" is at first; without, the word
"painting" does, as in textual inversion (Gal et al. 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from tqdm import tqdm

from inst.inversion.attention import AttentionInversion
from miniature import autoencoder, clip, diffusion
from miniature.diffusion import KEYS, PLACEHOLDER, VECTORS, TextSide
from miniature.embed import style_embedding
from miniature.pictures import Pictures, to_tensor
from miniature.schedule import scheduler, training_noise
from miniature.sight import Sight, picture_loss
from miniature.training import Budget, add_budget, budget_of, load_averaged

SIDE, STEPS, BATCH = 16, 40, 6
TIMESTEPS = (400, 600, 800)
RATES = (0.01, 0.1)
"""Of learning "[C]", in the size of its vectors; each manner is given the best of them."""
RUNS = {"with pseudo-words": diffusion.PSEUDO_WORDS, "without": 0.0}
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


def measure(state: Path, budget: Budget) -> list[str]:
    """Train both and lines of a Markdown table, the losses as shares of those without a prompt."""
    tokenizer = clip.tokenizer_at(state, Pictures.open(state))
    held = list(manners(state, len(tokenizer)))
    text = TextSide(clip.load(state, len(tokenizer)).float(), tokenizer)
    lines = [
        f"| {len(held)} held-out styles | no prompt | [C] at first | [C] after {STEPS} steps |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, share in RUNS.items():
        folder = f"pseudo-word-{share:g}"
        diffusion.train(state, budget, device="cpu", pseudo_words=share, side=SIDE, folder=folder)
        unet = load_averaged(state / folder, "unet", diffusion.build())
        module = load_averaged(state / folder, "inversion", diffusion.build_inversion()) if share else None
        run, found = Trained(unet, module, text), []
        for manner in tqdm(held, desc=name):
            after = min(run.missed(manner, run.learned(manner, rate)) for rate in RATES)
            found.append((run.missed(manner, None), run.missed(manner, run.begin(manner)), after))
        plain, first, after = np.array(found).mean(0)
        lines.append(
            f"| {name} | {plain:.4f} | {first:.4f} ({first / plain:.0%}) | {after:.4f} ({after / plain:.0%}) |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder with drawings, latents and embeddings")
    add_budget(parser, minutes=12)
    args = parser.parse_args()
    print("\n".join(measure(args.state, budget_of(args))))


if __name__ == "__main__":
    main()

"""Step 2b: the decoder goes on alone, beside the U-Net, `python -m miniature.diffusion.decoder --state DIR`.

Latents stay as they are and strokes get their edge back: the decoder is asked for the distribution of the patches, and
a critic that knows the latents tells it from the pictures' own (Isola et al. 2017; Esser et al. 2021).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from tqdm import tqdm

from miniature.common.adversarial import Autocast, Duel, DuelRecipe, discriminator_loss, generator_loss
from miniature.common.discriminator import PatchCritic, gradient_penalty
from miniature.common.losses import gradient_energy, reconstruction_loss, texture_loss
from miniature.common.training import Budget, accelerator, load_averaged
from miniature.diffusion import autoencoder
from miniature.diffusion.autoencoder import SHARES, held_images
from miniature.diffusion.data.dataset import Pictures, crop, draw, to_tensor

TEXTURE, CRITIC = 6.0, 0.5
"""Their weights beside the reconstruction's."""
RECIPE = DuelRecipe(batch=4, lr=0.002, generator_lr=3e-4, penalty=0.1, penalty_every=16, penalty_share=1.0)
INEXACT = 0.04
"""Noise on the latents, in their own deviations: the U-Net's are never exact."""
REPORT_EVERY = 500


def train(state: Path, budget: Budget, *, size: int = 64, device: str = "auto") -> Duel:
    """Train, or go on where a run stopped."""
    pictures = Pictures.open(state)
    acc = accelerator(device)
    model = load_averaged(state / "autoencoder", "vae", autoencoder.build()).to(acc.device)
    torch.manual_seed(3)
    generator = nn.ModuleDict({"decoder": model.decoder, "post_quant_conv": model.post_quant_conv})
    critic = PatchCritic().to(acc.device)
    run = Duel(state / "decoder", generator.requires_grad_(True), critic, RECIPE, budget, seed=3)
    groups = pictures.groups("train")
    spread = autoencoder.some_latents(model, pictures).std((0, 2, 3))[:, None, None].to(acc.device)
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        chosen = [draw(groups, SHARES, rng)[0] for _ in range(run.duel.batch)]
        x = to_tensor([crop(pictures.pixels[r["row"]], size, rng) for r in chosen]).to(acc.device)
        with acc.autocast(), torch.no_grad():
            latents = model.encode(x).latent_dist.mean
        logits = learn(run, model, x, latents, spread, rng, acc.autocast)
        if run.step % REPORT_EVERY == 0:
            report(run, pictures, state, logits)
    return run


def learn(
    run: Duel, model: AutoencoderKL, x: Tensor, latents: Tensor, spread: Tensor, rng: np.random.Generator,
    autocast: Autocast,
) -> tuple[float, float]:  # fmt: skip
    """One step of both sides on pictures (b, 3, h, w) and their latents; the critic's mean logits, real and made.

    Args:
        spread: the latents' deviations, (c, 1, 1).
    """
    critic, known = run.discriminator, latents.float() / spread
    with autocast():
        out = model.decode(latents + INEXACT * spread * torch.randn_like(latents)).sample
        real, made = critic(torch.cat([x, out.detach().float()]), torch.cat([known, known])).chunk(2)
    run.take_turn(critic, discriminator_loss(real, made))
    if run.step % run.duel.penalty_every == 0:
        row, column = rng.integers(0, real.shape[-1], 2)
        penalty = gradient_penalty(lambda pictures: critic(pictures, known)[:, row, column], x)
        run.take_turn(critic, penalty * (run.duel.gamma(x.shape[-1]) / 2 * run.duel.penalty_every))
    critic.requires_grad_(False)  # its weights' gradients would be thrown away
    with autocast():
        judged = generator_loss(critic(out, known))
    asked = reconstruction_loss(out.float(), x) + TEXTURE * texture_loss(out.float(), x)
    run.take_turn(run.generator, asked + CRITIC * judged)
    critic.requires_grad_(True)
    run.end_step()
    return float(real.detach().mean()), float(made.detach().mean())


def report(run: Duel, pictures: Pictures, state: Path, logits: tuple[float, float]) -> None:
    """Print PSNR and gradient energy of the averaged weights, the critic's last logits, and draw a round trip."""
    model = load_averaged(state / "autoencoder", "vae", autoencoder.build())
    parts = nn.ModuleDict({"decoder": model.decoder, "post_quant_conv": model.post_quant_conv})
    parts.load_state_dict(run.averaged()["generator"])
    images = held_images(pictures, 32)
    out = autoencoder.round_trip(model, images)
    kept = gradient_energy(out) / gradient_energy(images)
    print(
        f"\ndecoder step {run.step} {run.seconds / 60:.1f} min psnr {autoencoder.psnr(out, images):.2f} dB "
        f"energy {kept.mean():.2f} critic {logits[0]:.2f} {logits[1]:.2f}",
        flush=True,
    )
    autoencoder.preview(images[:10], out[:10], run.folder / "preview.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=24)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    train(args.state, Budget(minutes=args.minutes), device=args.device)


if __name__ == "__main__":
    main()

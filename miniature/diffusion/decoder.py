"""Step 2b: refine the decoder while the U-Net is trained: `python -m miniature.diffusion.decoder --state DIR`.

The latents are not changed, and textures become sharper: the loss includes the distribution of patches and a patch
discriminator that is conditioned on the latents (Isola et al. 2017; Esser et al. 2021).
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

from miniature.common.adversarial import AdversarialRecipe, AdversarialRun, Autocast, discriminator_loss, generator_loss
from miniature.common.discriminator import PatchDiscriminator, gradient_penalty
from miniature.common.losses import gradient_energy, reconstruction_loss, texture_loss
from miniature.common.training import Budget, accelerator, load_averaged
from miniature.diffusion import autoencoder
from miniature.diffusion.autoencoder import SHARES, held_out_images
from miniature.diffusion.data.dataset import Pictures, crop, sample_pair, to_tensor

TEXTURE_WEIGHT, ADVERSARIAL_WEIGHT = 6.0, 0.5
"""Relative to the weight of the reconstruction loss."""
RECIPE = AdversarialRecipe(batch=4, lr=0.002, generator_lr=3e-4, penalty=0.1, penalty_every=16, penalty_share=1.0)
LATENT_NOISE = 0.04
"""Noise on the latents in units of their standard deviation, since the U-Net's latents are not exact."""
REPORT_EVERY = 500


def train(state: Path, budget: Budget, *, size: int = 64, device: str = "auto") -> AdversarialRun:
    """Train, or resume a run."""
    pictures = Pictures.open(state)
    acc = accelerator(device)
    model = load_averaged(state / "autoencoder", "vae", autoencoder.build()).to(acc.device)
    torch.manual_seed(3)
    generator = nn.ModuleDict({"decoder": model.decoder, "post_quant_conv": model.post_quant_conv})
    discriminator = PatchDiscriminator().to(acc.device)
    run = AdversarialRun(state / "decoder", generator.requires_grad_(True), discriminator, RECIPE, budget, seed=3)
    groups = pictures.groups("train")
    std = autoencoder.sample_latents(model, pictures).std((0, 2, 3))[:, None, None].to(acc.device)
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        chosen = [sample_pair(groups, SHARES, rng)[0] for _ in range(run.adversarial.batch)]
        x = to_tensor([crop(pictures.pixels[r["row"]], size, rng) for r in chosen]).to(acc.device)
        with acc.autocast(), torch.no_grad():
            latents = model.encode(x).latent_dist.mean
        logits = train_step(run, model, x, latents, std, rng, acc.autocast)
        if run.step % REPORT_EVERY == 0:
            report(run, pictures, state, logits)
    return run


def train_step(
    run: AdversarialRun, model: AutoencoderKL, x: Tensor, latents: Tensor, std: Tensor, rng: np.random.Generator,
    autocast: Autocast,
) -> tuple[float, float]:  # fmt: skip
    """One step of both networks on images (b, 3, h, w) and their latents.

    Args:
        std: standard deviations of the latents, (c, 1, 1).

    Returns:
        The discriminator's mean logits of real and of decoded images.
    """
    discriminator, scaled = run.discriminator, latents.float() / std
    with autocast():
        out = model.decode(latents + LATENT_NOISE * std * torch.randn_like(latents)).sample
        real, decoded = discriminator(torch.cat([x, out.detach().float()]), torch.cat([scaled, scaled])).chunk(2)
    run.update_network(discriminator, discriminator_loss(real, decoded))
    if run.step % run.adversarial.penalty_every == 0:
        row, column = rng.integers(0, real.shape[-1], 2)
        penalty = gradient_penalty(lambda images: discriminator(images, scaled)[:, row, column], x)
        run.update_network(
            discriminator, penalty * (run.adversarial.gamma(x.shape[-1]) / 2 * run.adversarial.penalty_every)
        )
    discriminator.requires_grad_(False)  # gradients of its weights are not needed
    with autocast():
        adversarial = generator_loss(discriminator(out, scaled))
    loss = reconstruction_loss(out.float(), x) + TEXTURE_WEIGHT * texture_loss(out.float(), x)
    run.update_network(run.generator, loss + ADVERSARIAL_WEIGHT * adversarial)
    discriminator.requires_grad_(True)
    run.end_step()
    return float(real.detach().mean()), float(decoded.detach().mean())


def report(run: AdversarialRun, pictures: Pictures, state: Path, logits: tuple[float, float]) -> None:
    """Print PSNR and preserved gradient energy of the averaged weights and the last logits; write a preview."""
    model = load_averaged(state / "autoencoder", "vae", autoencoder.build())
    parts = nn.ModuleDict({"decoder": model.decoder, "post_quant_conv": model.post_quant_conv})
    parts.load_state_dict(run.averaged()["generator"])
    images = held_out_images(pictures, 32)
    out = autoencoder.round_trip(model, images)
    energy = gradient_energy(out) / gradient_energy(images)
    print(
        f"\ndecoder step {run.step} {run.seconds / 60:.1f} min psnr {autoencoder.psnr(out, images):.2f} dB "
        f"energy {energy.mean():.2f} discriminator {logits[0]:.2f} {logits[1]:.2f}",
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

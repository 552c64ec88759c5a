"""Step 2b: the decoder goes on alone, beside the U-Net, `python -m miniature.decoder --state DIR`.

Latents stay as they are and strokes get their edge back: the decoder is asked for the distribution of the patches, and
a critic that knows the latents tells it from the pictures' own (Isola et al. 2017; Esser et al. 2021).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from tqdm import tqdm

from miniature import autoencoder
from miniature.adversarial import Duel, DuelRecipe, discriminator_loss, generator_loss
from miniature.autoencoder import SHARES, held_images
from miniature.discriminator import PatchCritic, gradient_penalty
from miniature.losses import reconstruction_loss, texture_loss
from miniature.pictures import Pictures, crop, draw, to_tensor
from miniature.training import Budget, accelerator, load_averaged

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
        with acc.autocast():
            with torch.no_grad():
                latents = model.encode(x).latent_dist.mean
            out = model.decode(latents + INEXACT * spread * torch.randn_like(latents)).sample
            known = latents.float() / spread
            logits = critic(torch.cat([x, out.detach().float()]), torch.cat([known, known])).chunk(2)
        run.take_turn(critic, discriminator_loss(*logits))
        if run.step % run.duel.penalty_every == 0:
            row, column = rng.integers(0, logits[0].shape[-1], 2)
            penalty = gradient_penalty(lambda real, known=known: critic(real, known)[:, row, column], x)  # noqa: B023
            run.take_turn(critic, penalty * (run.duel.gamma(size) / 2 * run.duel.penalty_every))
        critic.requires_grad_(False)
        with acc.autocast():
            judged = generator_loss(critic(out, known))
        run.take_turn(
            generator, reconstruction_loss(out.float(), x) + TEXTURE * texture_loss(out.float(), x) + CRITIC * judged
        )
        critic.requires_grad_(True)
        run.end_step()
        if run.step % REPORT_EVERY == 0:
            report(run, pictures, state, float(logits[0].detach().mean()), float(logits[1].detach().mean()))
    return run


def gradient_energy(pictures: Tensor) -> Tensor:
    """(b,) mean squared luminance differences of neighbouring pixels."""
    grey = (pictures * pictures.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    return grey.diff(dim=-1).square().mean((1, 2)) + grey.diff(dim=-2).square().mean((1, 2))


def report(run: Duel, pictures: Pictures, state: Path, real: float, made: float) -> None:
    """Print PSNR and gradient energy of the averaged weights, the critic's last logits, and draw a round trip."""
    model = load_averaged(state / "autoencoder", "vae", autoencoder.build())
    parts = nn.ModuleDict({"decoder": model.decoder, "post_quant_conv": model.post_quant_conv})
    parts.load_state_dict(run.averaged()["generator"])
    images = held_images(pictures, 32)
    kept = gradient_energy(round_trip(model, images)) / gradient_energy(images)
    print(
        f"\ndecoder step {run.step} {run.seconds / 60:.1f} min psnr {autoencoder.psnr(model, images):.2f} dB "
        f"energy {kept.mean():.2f} critic {real:.2f} {made:.2f}",
        flush=True,
    )
    autoencoder.preview(model, images[:10], run.folder / "preview.png")


def round_trip(model: AutoencoderKL, images: Tensor) -> Tensor:
    with torch.no_grad():
        return model.decode(model.encode(images).latent_dist.mean).sample.clamp(-1, 1)


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

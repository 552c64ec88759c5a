"""Training of a small StyleGAN2 on avatars."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inst.gan.architecture import GeneratorConfig
from inst.gan.generator import Generator
from miniature.avatars.data.dataset import to_tensors
from miniature.avatars.generator.export import averaged, init_from, sample_images, write_sheet
from miniature.common.adversarial import (
    AdversarialRecipe,
    AdversarialRun,
    Autocast,
    discriminator_loss,
    generator_loss,
    path_lengths,
)
from miniature.common.discriminator import Discriminator, gradient_penalty
from miniature.common.training import Budget, accelerator

WIDTHS = (256, 256, 128, 64, 32, 16)
W_WIDTH, MAPPING_LAYERS = 128, 4
FOLD = 2
"""The discriminator folds blocks of 2×2 pixels into channels."""
START_SEED = 191_204_958
"""Different from every seed of latent codes: weights and codes from the same random stream are correlated."""
MEAN_W_RATE = 0.005
"""Weight of each batch in the running mean of w."""
LOG_EVERY, SHEET_EVERY, SAVE_SECONDS = 100, 2000, 300.0


def config(size: int, widths: tuple[int, ...] = WIDTHS) -> GeneratorConfig:
    """Sizes of the generator for images of ``size`` pixels."""
    levels = size.bit_length() - 2
    if size != 2 ** (levels + 1) or not 1 < levels <= len(widths):
        raise ValueError(f"size is {size}; it must be 8, 16, … {2 ** (len(widths) + 1)}")
    return GeneratorConfig(channels=widths[:levels], mapping_widths=(W_WIDTH,) * (MAPPING_LAYERS + 1))


def build(sizes: GeneratorConfig, seed: int = START_SEED, fold: int = FOLD) -> tuple[Generator, Discriminator]:
    """Both networks, randomly initialised. Channels last makes the discriminator faster but not the generator."""
    torch.manual_seed(seed)
    discriminator = Discriminator(sizes.channels, fold)
    generator = Generator(sizes).initialise(torch.Generator().manual_seed(seed + 1))
    return generator, discriminator.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def mix_layers(w: Tensor, layers: int, mixing: float) -> Tensor:
    """W+ (n, layers, d) of the first half of ``w`` (2n, d) with style mixing.

    With probability ``mixing`` the layers from a random one on are from the second half. Uses torch's global generator.
    """
    first, second = w.chunk(2)
    cut = torch.randint(1, layers, (len(first), 1)).masked_fill(torch.rand(len(first), 1) >= mixing, layers)
    later = (torch.arange(layers) >= cut).to(w.device)[..., None]
    return torch.where(later, second[:, None], first[:, None])


def mixed_codes(generator: Generator, count: int, mixing: float) -> Tensor:
    """W+ of ``count`` random codes with style mixing; updates the generator's mean w."""
    w = generator.map(torch.randn(2 * count, generator.config.z_width).to(generator.const.device)).float()
    generator.latent_avg.lerp_(w[:count].detach().mean(0), MEAN_W_RATE)
    return mix_layers(w, generator.config.num_layers, mixing)


def train_step(run: AdversarialRun, generator: Generator, real: Tensor, autocast: Autocast) -> dict[str, float]:
    """One step of both networks on the same batch of generated images; returns the losses."""
    discriminator, recipe = run.discriminator, run.adversarial
    styles = generator.styles(mixed_codes(generator, len(real), recipe.mixing))
    with autocast():
        fake = generator.synthesize(styles)
        logits = discriminator(torch.cat([real, fake.detach()])).chunk(2)
        loss = discriminator_loss(*logits)
    losses = {"discriminator": run.update_network(discriminator, loss)}
    losses |= {"real": float(logits[0].detach().mean()), "fake": float(logits[1].detach().mean())}
    if run.step % recipe.penalty_every == 0:
        penalty = gradient_penalty(discriminator, real[: max(1, round(recipe.penalty_share * len(real)))])
        run.update_network(discriminator, penalty * (recipe.gamma(real.shape[-1]) / 2 * recipe.penalty_every))
        losses["r1"] = float(penalty.detach())
    discriminator.requires_grad_(False)  # gradients of its weights are not needed
    with autocast():
        loss = generator_loss(discriminator(fake))
    losses["generator"] = run.update_network(generator, loss)
    discriminator.requires_grad_(True)
    if recipe.path and run.step % recipe.path_every == 0:
        losses["path"] = path_regularisation(run, generator)
    run.end_step()
    return losses


def path_regularisation(run: AdversarialRun, generator: Generator) -> float:
    """One step of path-length regularisation on half a batch; returns the running mean of the lengths."""
    recipe = run.adversarial
    codes = mixed_codes(generator, max(1, recipe.batch // 2), recipe.mixing)
    images = generator(codes)
    lengths = path_lengths(images, codes, torch.randn(images.shape).to(images.device))
    run.path_mean.lerp_(lengths.detach().mean().cpu(), 0.01)
    loss = (lengths - run.path_mean.to(images.device)).square().mean()
    run.update_network(generator, loss * (recipe.path * recipe.path_every))
    return float(run.path_mean)


@dataclass
class RunningMeans:
    """Means of the losses of `train_step` since the last log line."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            self.values.setdefault(name, []).append(value)

    def log_line(self) -> str:
        text = " ".join(f"{name} {np.mean(values):.4f}" for name, values in self.values.items())
        self.values.clear()
        return text


def train(
    state: Path, budget: Budget, *, size: int = 64, device: str = "auto", start: Path | None = None,
    recipe: AdversarialRecipe | None = None, widths: tuple[int, ...] = WIDTHS,
) -> AdversarialRun:  # fmt: skip
    """Train, or resume a run."""
    real = np.load(state / "avatars.npy", mmap_mode="r")
    if real.dtype != np.uint8 or real.shape[1:] != (size, size, 3):
        raise ValueError(
            f"{state / 'avatars.npy'} is {real.dtype} {real.shape}, but uint8 (n, {size}, {size}, 3) is needed"
        )
    acc, sizes = accelerator(device), config(size, widths)
    generator, discriminator = build(sizes)
    if start is not None:
        init_from(start, generator, discriminator)
    run = AdversarialRun(
        state / "gan", generator.to(acc.device), discriminator.to(acc.device), recipe or AdversarialRecipe(), budget
    )
    means = RunningMeans()
    for rng in run.steps(SAVE_SECONDS):
        rows = np.sort(rng.integers(0, len(real), run.adversarial.batch))
        rng.shuffle(rows)
        means.add(train_step(run, generator, to_tensors(real[rows]).to(acc.device), acc.autocast))
        if run.step % LOG_EVERY == 0:
            print(f"gan step {run.step} images {run.num_images} {run.seconds:.0f} s {means.log_line()}", flush=True)
        if run.step % SHEET_EVERY == 0:
            write_sheet(
                run.folder / f"sheet-{run.step:06}.png", sample_images(averaged(run.averaged()["generator"]), 64, 0.7)
            )
    return run

"""A small StyleGAN2 of drawn faces: its sizes, one step on both sides, and the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inst.gan.architecture import GeneratorConfig
from inst.gan.generator import Generator
from miniature.avatars.data.dataset import as_pictures
from miniature.avatars.generator.export import averaged, begin_at, pictures, write_sheet
from miniature.common.adversarial import Autocast, Duel, DuelRecipe, discriminator_loss, generator_loss, path_lengths
from miniature.common.discriminator import Discriminator, gradient_penalty
from miniature.common.training import Budget, accelerator

WIDTHS = (256, 256, 128, 64, 32, 16)
W_WIDTH, MAPPING_LAYERS = 128, 4
FOLD = 2
"""The discriminator reads 2×2 pixels at once."""
START_SEED = 191_204_958
"""Far from any seed that codes are drawn from: the numbers of one stream in weights and codes make them resonate."""
TRACKED = 0.005
"""Share of each batch in the average w."""
LOG_EVERY, SHEET_EVERY, SAVE_SECONDS = 100, 2000, 300.0


def config(size: int, widths: tuple[int, ...] = WIDTHS) -> GeneratorConfig:
    """Sizes of the generator for pictures of ``size`` pixels."""
    levels = size.bit_length() - 2
    if size != 2 ** (levels + 1) or not 1 < levels <= len(widths):
        raise ValueError(f"pictures of {size} px are not possible: give 8, 16, … {2 ** (len(widths) + 1)}")
    return GeneratorConfig(channels=widths[:levels], mapping_widths=(W_WIDTH,) * (MAPPING_LAYERS + 1))


def build(sizes: GeneratorConfig, seed: int = START_SEED, fold: int = FOLD) -> tuple[Generator, Discriminator]:
    """Both sides at their random start. The discriminator is faster with channels last, the generator is not."""
    torch.manual_seed(seed)
    discriminator = Discriminator(sizes.channels, fold)
    generator = Generator(sizes).initialise(torch.Generator().manual_seed(seed + 1))
    return generator, discriminator.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def mix_layers(w: Tensor, layers: int, mixing: float) -> Tensor:
    """w_plus (n, layers, d) of the first half of ``w`` (2n, d); in a share ``mixing`` of them the layers from a random
    one on follow the second half. Chance is torch's own."""
    first, second = w.chunk(2)
    cut = torch.randint(1, layers, (len(first), 1)).masked_fill(torch.rand(len(first), 1) >= mixing, layers)
    later = (torch.arange(layers) >= cut).to(w.device)[..., None]
    return torch.where(later, second[:, None], first[:, None])


def mixed_codes(generator: Generator, count: int, mixing: float) -> Tensor:
    """w_plus of ``count`` random codes; in a share of them the layers from a random one on follow a second code."""
    w = generator.map(torch.randn(2 * count, generator.config.z_width).to(generator.const.device)).float()
    generator.latent_avg.lerp_(w[:count].detach().mean(0), TRACKED)
    return mix_layers(w, generator.config.num_layers, mixing)


def learn(run: Duel, generator: Generator, real: Tensor, autocast: Autocast) -> dict[str, float]:
    """One step on one batch; both sides see the same made pictures, so that they are made once."""
    discriminator, recipe = run.discriminator, run.duel
    styles = generator.styles(mixed_codes(generator, len(real), recipe.mixing))
    with autocast():
        fake = generator.synthesize(styles)
        logits = discriminator(torch.cat([real, fake.detach()])).chunk(2)
        loss = discriminator_loss(*logits)
    losses = {"discriminator": run.take_turn(discriminator, loss)}
    losses |= {"real": float(logits[0].detach().mean()), "fake": float(logits[1].detach().mean())}
    if run.step % recipe.penalty_every == 0:
        penalty = gradient_penalty(discriminator, real[: max(1, round(recipe.penalty_share * len(real)))])
        run.take_turn(discriminator, penalty * (recipe.gamma(real.shape[-1]) / 2 * recipe.penalty_every))
        losses["r1"] = float(penalty.detach())
    discriminator.requires_grad_(False)  # its weights' gradients would be thrown away
    with autocast():
        loss = generator_loss(discriminator(fake))
    losses["generator"] = run.take_turn(generator, loss)
    discriminator.requires_grad_(True)
    if recipe.path and run.step % recipe.path_every == 0:
        losses["path"] = even_paths(run, generator)
    run.end_step()
    return losses


def even_paths(run: Duel, generator: Generator) -> float:
    """Path-length regularisation on half a batch: lengths are drawn to their running mean, which is returned."""
    recipe = run.duel
    codes = mixed_codes(generator, max(1, recipe.batch // 2), recipe.mixing)
    made = generator(codes)
    lengths = path_lengths(made, codes, torch.randn(made.shape).to(made.device))
    run.path_mean.lerp_(lengths.detach().mean().cpu(), 0.01)
    loss = (lengths - run.path_mean.to(made.device)).square().mean()
    run.take_turn(generator, loss * (recipe.path * recipe.path_every))
    return float(run.path_mean)


@dataclass
class Means:
    """Running means of what `learn` tells, since the last line."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            self.values.setdefault(name, []).append(value)

    def line(self) -> str:
        text = " ".join(f"{name} {np.mean(values):.4f}" for name, values in self.values.items())
        self.values.clear()
        return text


def train(
    state: Path, budget: Budget, *, size: int = 64, device: str = "auto", start: Path | None = None,
    recipe: DuelRecipe | None = None, widths: tuple[int, ...] = WIDTHS,
) -> Duel:  # fmt: skip
    """Train, or go on where a run stopped."""
    real = np.load(state / "avatars.npy", mmap_mode="r")
    if real.dtype != np.uint8 or real.shape[1:] != (size, size, 3):
        raise ValueError(
            f"{state / 'avatars.npy'} holds {real.dtype} {real.shape}: uint8 (n, {size}, {size}, 3) is wanted"
        )
    acc, sizes = accelerator(device), config(size, widths)
    generator, discriminator = build(sizes)
    if start is not None:
        begin_at(start, generator, discriminator)
    run = Duel(state / "gan", generator.to(acc.device), discriminator.to(acc.device), recipe or DuelRecipe(), budget)
    means = Means()
    for rng in run.steps(SAVE_SECONDS):
        rows = np.sort(rng.integers(0, len(real), run.duel.batch))
        rng.shuffle(rows)
        means.add(learn(run, generator, as_pictures(real[rows]).to(acc.device), acc.autocast))
        if run.step % LOG_EVERY == 0:
            print(f"gan step {run.step} pictures {run.pictures} {run.seconds:.0f} s {means.line()}", flush=True)
        if run.step % SHEET_EVERY == 0:
            write_sheet(
                run.folder / f"sheet-{run.step:06}.png", pictures(averaged(run.averaged()["generator"]), 64, 0.7)
            )
    return run

"""Training of the small StyleGAN2's encoder, after e4e."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from inst import FaceSession
from inst.gan.compact import WIDTHS, CompactEncoder, CompactLayout
from inst.gan.generator import Generator
from inst.perceptual.arcface import identity_distance
from inst.shapes import Image, WPlus
from miniature.avatars.data.dataset import num_held_out, to_tensors
from miniature.avatars.generator.train import mix_layers
from miniature.common.losses import reconstruction_loss
from miniature.common.training import Budget, Recipe, Run, accelerator

LOG_EVERY = 100


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe:
    """Settings of the encoder's training.

    Attributes:
        batch: batch size; half of the images are generated, half are drawn avatars.
        psi: range of the truncation of sampled codes.
        mixing: probability of style mixing in sampled codes.
        codes: weight of the squared error of known codes, in units of their variance.
        deltas: weight of the squared offsets of later layers from the first style, in the same units; codes close to W
            are easier to edit (Tov et al. 2021, section 4).
        identity: weight of the identity distance, if an identity network is given.
        ramp: share of the training during which the offsets of later layers are enabled one after another.
    """

    batch: int = 16
    lr: float = 1e-3
    psi: tuple[float, float] = (0.4, 1.0)
    mixing: float = 0.3
    codes: float = 0.2
    deltas: float = 0.02
    identity: float = 0.2
    ramp: float = 0.4


@torch.no_grad()
def sample_w(generator: Generator, count: int, recipe: EncoderRecipe) -> WPlus:
    """Randomly sampled codes with random truncation and style mixing; uses torch's global generator."""
    device = generator.const.device
    w = generator.map(torch.randn(2 * count, generator.config.z_width).to(device)).float()
    low, high = recipe.psi
    w = torch.lerp(generator.latent_avg, w, (low + (high - low) * torch.rand(2 * count, 1)).to(device))
    return mix_layers(w, generator.config.num_layers, recipe.mixing)


def code_variance(generator: Generator) -> float:
    """Mean variance of w, the unit of distances between codes."""
    with torch.no_grad():
        z = torch.randn(4096, generator.config.z_width, generator=torch.Generator().manual_seed(1))
        return float(generator.map(z.to(generator.const.device)).var(0).mean())


@dataclass
class TrainingTask:
    """What every training step needs in addition to its images."""

    session: FaceSession
    recipe: EncoderRecipe
    variance: float

    def codes(self, encoder: CompactEncoder, images: Image, used: float) -> tuple[WPlus, Float[Tensor, "b r d"]]:
        """Codes of images, and the offsets of later layers; offsets that are not enabled yet are 0."""
        first, deltas = encoder.first_and_deltas(images)
        enabled = min(1.0, used / self.recipe.ramp) * deltas.shape[1] if self.recipe.ramp else deltas.shape[1]
        weight = (enabled - torch.arange(deltas.shape[1], device=deltas.device)).clamp(0, 1)
        deltas = deltas * weight[:, None]
        return encoder.mean + torch.cat([first[:, None], first[:, None] + deltas], 1), deltas

    def loss(
        self, encoder: CompactEncoder, known: WPlus, drawn: Image, used: float, autocast: Any
    ) -> dict[str, Tensor]:
        """The weighted terms of one step's loss."""
        generator, recipe = self.session.generator, self.recipe
        with autocast():
            with torch.no_grad():
                images = torch.cat([generator(known).clamp(-1, 1).float(), drawn])
            codes, deltas = self.codes(encoder, images, used)
            reconstructions = generator(codes).float()
        terms = {"pixels": reconstruction_loss(reconstructions, images)}
        terms["codes"] = recipe.codes * (codes[: len(known)] - known).square().mean() / self.variance
        terms["deltas"] = recipe.deltas * deltas.square().mean() / self.variance
        if (network := self.session.identity) is not None:
            with torch.no_grad():
                identities = network.embed_faces(images)
            distances = identity_distance(network.embed_faces(reconstructions), identities)
            terms["identity"] = recipe.identity * distances.mean()
        return terms


def train(
    state: Path, session: FaceSession, budget: Budget, *, device: str = "auto", recipe: EncoderRecipe | None = None,
    widths: tuple[int, ...] = WIDTHS,
) -> Run:  # fmt: skip
    """Train, or resume a run.

    Raises:
        SystemExit: the run belongs to another generator.
    """
    recipe, folder = recipe or EncoderRecipe(), state / "encoder"
    check_generator(folder, session.fingerprint)
    pixels = np.load(state / "avatars.npy", mmap_mode="r")
    acc = accelerator(device)
    torch.manual_seed(0)
    generator = session.generator
    encoder = CompactEncoder(CompactLayout.of(generator.config, widths)).initialize_to_mean(generator.latent_avg.cpu())
    run = Run(
        folder, {"encoder": encoder.to(acc.device)}, Recipe(lr=recipe.lr, weight_decay=0.0, ema=0.995), budget, seed=2
    )
    task = TrainingTask(session, recipe, code_variance(generator))
    num_train = len(pixels) - num_held_out(len(pixels))
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        known = sample_w(generator, recipe.batch // 2, recipe)
        rows = rng.integers(0, num_train, recipe.batch - recipe.batch // 2)
        drawn = to_tensors(pixels[rows]).to(acc.device)
        terms = task.loss(encoder, known, drawn, run.used, acc.autocast)
        run.update(torch.stack(list(terms.values())).sum())
        if run.step % LOG_EVERY == 0:
            losses = " ".join(f"{name} {float(term.detach()):.4f}" for name, term in terms.items())
            print(f"encoder step {run.step} {run.seconds:.0f} s {losses}", flush=True)
    return run


def check_generator(folder: Path, fingerprint: str) -> None:
    """Record the generator that a folder's encoder belongs to.

    Raises:
        SystemExit: the folder belongs to another generator.
    """
    note = folder / "generator.txt"
    if note.exists() and note.read_text() != fingerprint:
        raise SystemExit(f"{folder} contains the encoder of another generator: remove it to train a new one")
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(fingerprint)

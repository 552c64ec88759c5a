"""The training of the small StyleGAN2's encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from inst.gan.compact import WIDTHS, CompactEncoder, CompactLayout
from inst.gan.generator import Generator
from inst.perceptual.arcface import identity_distance
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image, WPlus
from miniature.avatars.data.dataset import as_pictures, held_back
from miniature.avatars.generator.train import mix_layers
from miniature.common.losses import reconstruction_loss
from miniature.common.training import Budget, Recipe, Run, accelerator

LOG_EVERY = 100


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe:
    """How the encoder learns.

    Attributes:
        batch: pictures a step; half of them are the generator's own, the others drawn.
        psi: truncation of made-up codes, drawn anew for each between these.
        mixing: share of made-up codes whose layers follow two.
        codes: weight of the squared distance to codes that are known, in units of their variance.
        deltas: weight of what layers add to the first style, squared, in the same units: codes near W can be edited
            (Tov et al. 2021, section 4).
        identity: weight of the distance that an identity network sees, where one is given.
        ramp: share of the training in which one layer after another may differ from the first.
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
    """Codes of all truncations, some mixed; chance is torch's own."""
    device = generator.const.device
    w = generator.map(torch.randn(2 * count, generator.config.z_width).to(device)).float()
    low, high = recipe.psi
    w = torch.lerp(generator.latent_avg, w, (low + (high - low) * torch.rand(2 * count, 1)).to(device))
    return mix_layers(w, generator.config.num_layers, recipe.mixing)


def code_variance(generator: Generator) -> float:
    """Mean variance of w: what distances of codes are measured in."""
    with torch.no_grad():
        z = torch.randn(4096, generator.config.z_width, generator=torch.Generator().manual_seed(1))
        return float(generator.map(z.to(generator.const.device)).var(0).mean())


@dataclass
class TrainingTask:
    """What every step needs beside its pictures."""

    session: FaceSession
    recipe: EncoderRecipe
    variance: float

    def codes(self, encoder: CompactEncoder, pictures: Image, used: float) -> tuple[WPlus, Float[Tensor, "b r d"]]:
        """Codes of pictures and what their layers add, those whose turn has not come being 0."""
        first, deltas = encoder.first_and_deltas(pictures)
        allowed = min(1.0, used / self.recipe.ramp) * deltas.shape[1] if self.recipe.ramp else deltas.shape[1]
        turn = (allowed - torch.arange(deltas.shape[1], device=deltas.device)).clamp(0, 1)
        deltas = deltas * turn[:, None]
        return encoder.mean + torch.cat([first[:, None], first[:, None] + deltas], 1), deltas

    def loss(
        self, encoder: CompactEncoder, known: WPlus, drawn: Image, used: float, autocast: Any
    ) -> dict[str, Tensor]:
        """The weighted parts of one step's loss."""
        generator, recipe = self.session.generator, self.recipe
        with autocast():
            with torch.no_grad():
                pictures = torch.cat([generator(known).clamp(-1, 1).float(), drawn])
            found, deltas = self.codes(encoder, pictures, used)
            again = generator(found).float()
        parts = {"pixels": reconstruction_loss(again, pictures)}
        parts["codes"] = recipe.codes * (found[: len(known)] - known).square().mean() / self.variance
        parts["deltas"] = recipe.deltas * deltas.square().mean() / self.variance
        if (network := self.session.identity) is not None:
            with torch.no_grad():
                own = network.embed_faces(pictures)
            parts["identity"] = recipe.identity * identity_distance(network.embed_faces(again), own).mean()
        return parts


def train(
    state: Path, session: FaceSession, budget: Budget, *, device: str = "auto", recipe: EncoderRecipe | None = None,
    widths: tuple[int, ...] = WIDTHS,
) -> Run:  # fmt: skip
    """Train, or go on where a run stopped.

    Raises:
        SystemExit: the run was begun with another generator.
    """
    recipe, folder = recipe or EncoderRecipe(), state / "encoder"
    hold_to_generator(folder, session.fingerprint)
    pixels = np.load(state / "avatars.npy", mmap_mode="r")
    acc = accelerator(device)
    torch.manual_seed(0)
    generator = session.generator
    encoder = CompactEncoder(CompactLayout.of(generator.config, widths)).start_at(generator.latent_avg.cpu())
    run = Run(
        folder, {"encoder": encoder.to(acc.device)}, Recipe(lr=recipe.lr, weight_decay=0.0, ema=0.995), budget, seed=2
    )
    lesson, trained_on = TrainingTask(session, recipe, code_variance(generator)), len(pixels) - held_back(len(pixels))
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        known = sample_w(generator, recipe.batch // 2, recipe)
        rows = rng.integers(0, trained_on, recipe.batch - recipe.batch // 2)
        drawn = as_pictures(pixels[rows]).to(acc.device)
        parts = lesson.loss(encoder, known, drawn, run.used, acc.autocast)
        run.update(torch.stack(list(parts.values())).sum())
        if run.step % LOG_EVERY == 0:
            told = " ".join(f"{name} {float(part.detach()):.4f}" for name, part in parts.items())
            print(f"encoder step {run.step} {run.seconds:.0f} s {told}", flush=True)
    return run


def hold_to_generator(folder: Path, fingerprint: str) -> None:
    """Note whose encoder a folder holds.

    Raises:
        SystemExit: it is another generator's.
    """
    note = folder / "generator.txt"
    if note.exists() and note.read_text() != fingerprint:
        raise SystemExit(f"{folder} holds an encoder of another generator: remove it to begin anew")
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(fingerprint)

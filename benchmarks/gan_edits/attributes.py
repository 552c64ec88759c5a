"""Reads an avatar's attributes without any CLIP: a small convnet trained on drawn avatars, made to look imperfect.

`python -m benchmarks.gan_edits.attributes --out FOLDER [--state DIR]` trains it into ``FOLDER/attributes.safetensors``
(or finds it there) and prints how well it reads held-back drawings; without ``--state`` it draws avatars of its own.
Independent of what it judges: no weight in it was trained with the avatars' CLIP, generator or encoder.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from inst.files import load_parameters, parameters_of, read_checkpoint, write_safetensors
from inst.perceptual.small_network import SmallTrunk, widths_of
from miniature.avatars import CHOICES
from miniature.avatars.data import writer
from miniature.avatars.data.augment import imperfect
from miniature.avatars.data.dataset import UNSEEN, ChoiceHeads, Crowd, Shares, accuracy_table
from miniature.common.training import Budget, Recipe, Run, accelerator, add_budget, budget_of, load_averaged

SIDE, WIDTHS, FILE = 64, (48, 96, 144, 192), "attributes.safetensors"
DRAWN, SEED = 12_000, 1
"""Avatars drawn where none are given, of another seed than the generator's."""


class AttributeReader(nn.Module):
    """Pictures of `SIDE` pixels to logits of every choice, side by side."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.trunk = SmallTrunk(widths)
        self.heads = ChoiceHeads(self.trunk.features(SIDE))

    def forward(self, pictures: Float[Tensor, "b 3 64 64"]) -> Float[Tensor, "b k"]:
        return self.heads(self.trunk(pictures))

    @torch.no_grad()
    def read_attributes(
        self, pictures: Float[Tensor, "b 3 64 64"]
    ) -> dict[str, tuple[list[str], Float[Tensor, "b _"]]]:
        """For each name in `CHOICES` the likeliest choice of every picture in [-1, 1], and the choices' probabilities.

        What a picture hides (eyes behind sunglasses, the hair of the bald) is guessed like the rest.
        """
        logits = torch.cat([self(part) for part in pictures.split(100)])
        found = {}
        for name, part in self.heads.split(logits).items():
            probabilities, options = part.softmax(1), list(CHOICES[name])
            found[name] = ([options[index] for index in probabilities.argmax(1).tolist()], probabilities)
        return found


def train(
    crowd: Crowd, folder: Path, budget: Budget, *, batch: int = 64, device: str = "auto",
    widths: tuple[int, ...] = WIDTHS,
) -> AttributeReader:  # fmt: skip
    """Train, or go on where a run stopped; the averaged network."""
    acc = accelerator(device)
    torch.manual_seed(1)
    reader = AttributeReader(widths).to(acc.device)
    recipe = Recipe(lr=2e-3, weight_decay=0.05, ema=0.995, warmup=50)
    run = Run(folder / "training", {"reader": reader}, recipe, budget, seed=1)
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        rows = rng.integers(crowd.train.start, crowd.train.stop, batch)
        pictures = imperfect(crowd.pictures(rows)).to(acc.device)
        with acc.autocast():
            logits = reader(pictures)
        run.update(reader.heads.loss(logits, crowd.choices(rows).to(acc.device)))
        if run.step % 200 == 0:
            print(f"\nattributes step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}", flush=True)
    averaged = AttributeReader(widths)
    load_averaged(folder / "training", "reader", averaged)
    return averaged


def save_reader(reader: AttributeReader, folder: Path) -> None:
    write_safetensors(folder / FILE, {name: value.half() for name, value in reader.state_dict().items()}, {})


def load_reader(folder: Path) -> AttributeReader:
    """Raises:
    InputError: no such file, or a damaged one.
    ModelError: another network's, or one for other attributes than avatars have now.
    """
    state = parameters_of(read_checkpoint(folder / FILE))
    reader = AttributeReader(widths_of(state, "trunk") or WIDTHS)
    load_parameters(reader, state, f"{folder / FILE} (remove it, and it is trained anew)")
    return reader.eval()


def crowd_in(folder: Path, state: Path | None = None) -> Crowd:
    """The avatars in ``state``; without one, of our own, drawn into ``folder`` at the first call."""
    if state is None:
        state = folder / "avatars"
        writer.write(state, DRAWN, SIDE, seed=SEED, workers=os.cpu_count() or 1)
    return Crowd.open(state)


def reader_in(folder: Path, budget: Budget, state: Path | None = None, device: str = "auto") -> AttributeReader:
    """The network cached in a folder, trained into it at the first call."""
    if not (folder / FILE).exists():
        save_reader(train(crowd_in(folder, state), folder, budget, device=device), folder)
    return load_reader(folder)


def accuracy(reader: AttributeReader, crowd: Crowd, *, worsened: bool = False) -> Shares:
    """Of each choice the share read rightly on held-back avatars that show it, and the commonest choice's share."""
    pictures, wanted = crowd.pictures(crowd.held), crowd.choices(crowd.held)
    torch.manual_seed(3)
    found = reader.read_attributes(imperfect(pictures) if worsened else pictures)
    out = {}
    for (name, (_, probabilities)), right in zip(found.items(), wanted.T, strict=True):
        seen = right != UNSEEN
        if not seen.any():
            continue
        commonest = float(np.bincount(right[seen].numpy()).max() / int(seen.sum()))
        out[name] = (float((probabilities.argmax(1) == right)[seen].float().mean()), commonest)
    return out


def table(reader: AttributeReader, crowd: Crowd) -> str:
    return accuracy_table(accuracy(reader, crowd), accuracy(reader, crowd, worsened=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help=f"folder of {FILE}")
    parser.add_argument("--state", type=Path, help="folder of avatars (default: drawn into the --out folder)")
    add_budget(parser, minutes=10)
    parser.add_argument("--device", default="auto", help="auto or cpu")
    args = parser.parse_args()
    reader = reader_in(args.out, budget_of(args), args.state, args.device)
    print(table(reader, crowd_in(args.out, args.state)))


if __name__ == "__main__":
    main()

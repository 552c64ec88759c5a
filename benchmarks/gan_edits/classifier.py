"""A classifier of avatar attributes that uses no CLIP: a small convnet trained on augmented drawings of avatars.

`python -m benchmarks.gan_edits.classifier --out FOLDER [--state DIR]` trains it into ``FOLDER/attributes.safetensors``,
unless the file exists, and prints its accuracy on held-out drawings; without ``--state`` it draws its own avatars. None
of its weights was trained with the CLIP, generator or encoder that it evaluates.
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
from miniature.avatars.data.augment import augment
from miniature.avatars.data.dataset import HIDDEN, Accuracies, AvatarDataset, ChoiceHeads, accuracy_table
from miniature.common.training import Budget, Recipe, Run, accelerator, add_budget, budget_of, load_averaged

SIDE, WIDTHS, FILE = 64, (48, 96, 144, 192), "attributes.safetensors"
NUM_AVATARS, SEED = 12_000, 1
"""Avatars drawn if none are given; the seed differs from that of the generator's training data."""


class AttributeClassifier(nn.Module):
    """Images of `SIDE` pixels to the concatenated logits of all attributes."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.trunk = SmallTrunk(widths)
        self.heads = ChoiceHeads(self.trunk.features(SIDE))

    def forward(self, images: Float[Tensor, "b 3 64 64"]) -> Float[Tensor, "b k"]:
        return self.heads(self.trunk(images))

    @torch.no_grad()
    def predict(self, images: Float[Tensor, "b 3 64 64"]) -> dict[str, tuple[list[str], Float[Tensor, "b _"]]]:
        """For each attribute in `CHOICES` the most likely value of every image in [-1, 1], and all probabilities.

        Hidden attributes (eyes behind sunglasses, the hair colour of bald avatars) are predicted like the others.
        """
        logits = torch.cat([self(part) for part in images.split(100)])
        predictions = {}
        for name, part in self.heads.split(logits).items():
            probabilities, options = part.softmax(1), list(CHOICES[name])
            predictions[name] = ([options[index] for index in probabilities.argmax(1).tolist()], probabilities)
        return predictions


def train(
    dataset: AvatarDataset, folder: Path, budget: Budget, *, batch: int = 64, device: str = "auto",
    widths: tuple[int, ...] = WIDTHS,
) -> AttributeClassifier:  # fmt: skip
    """Train, or resume a run; returns the network with averaged weights."""
    acc = accelerator(device)
    torch.manual_seed(1)
    classifier = AttributeClassifier(widths).to(acc.device)
    recipe = Recipe(lr=2e-3, weight_decay=0.05, ema=0.995, warmup=50)
    run = Run(folder / "training", {"reader": classifier}, recipe, budget, seed=1)
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        rows = rng.integers(dataset.train.start, dataset.train.stop, batch)
        images = augment(dataset.images(rows)).to(acc.device)
        with acc.autocast():
            logits = classifier(images)
        run.update(classifier.heads.loss(logits, dataset.choices(rows).to(acc.device)))
        if run.step % 200 == 0:
            print(f"\nattributes step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}", flush=True)
    averaged = AttributeClassifier(widths)
    load_averaged(folder / "training", "reader", averaged)
    return averaged


def save_classifier(classifier: AttributeClassifier, folder: Path) -> None:
    write_safetensors(folder / FILE, {name: value.half() for name, value in classifier.state_dict().items()}, {})


def load_classifier(folder: Path) -> AttributeClassifier:
    """Raises:
    InputError: the file does not exist or is damaged.
    ModelError: it contains another network, or one for other attributes.
    """
    state = parameters_of(read_checkpoint(folder / FILE))
    classifier = AttributeClassifier(widths_of(state, "trunk") or WIDTHS)
    load_parameters(classifier, state, f"{folder / FILE} (remove it to train it again)")
    return classifier.eval()


def dataset_in(folder: Path, state: Path | None = None) -> AvatarDataset:
    """The avatars in ``state``; without it, avatars drawn into ``folder`` on first use."""
    if state is None:
        state = folder / "avatars"
        writer.write_avatars(state, NUM_AVATARS, SIDE, seed=SEED, workers=os.cpu_count() or 1)
    return AvatarDataset.open(state)


def classifier_in(folder: Path, budget: Budget, state: Path | None = None, device: str = "auto") -> AttributeClassifier:
    """The classifier in a folder; it is trained on first use."""
    if not (folder / FILE).exists():
        save_classifier(train(dataset_in(folder, state), folder, budget, device=device), folder)
    return load_classifier(folder)


def accuracy(classifier: AttributeClassifier, dataset: AvatarDataset, *, augmented: bool = False) -> Accuracies:
    """Accuracy for each attribute on held-out avatars that show it, and the share of its most common value."""
    images, labels = dataset.images(dataset.held_out), dataset.choices(dataset.held_out)
    torch.manual_seed(3)
    predictions = classifier.predict(augment(images) if augmented else images)
    accuracies = {}
    for (name, (_, probabilities)), actual in zip(predictions.items(), labels.T, strict=True):
        visible = actual != HIDDEN
        if not visible.any():
            continue
        most_common = float(np.bincount(actual[visible].numpy()).max() / int(visible.sum()))
        accuracies[name] = (float((probabilities.argmax(1) == actual)[visible].float().mean()), most_common)
    return accuracies


def table(classifier: AttributeClassifier, dataset: AvatarDataset) -> str:
    return accuracy_table(accuracy(classifier, dataset), accuracy(classifier, dataset, augmented=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help=f"folder of {FILE}")
    parser.add_argument("--state", type=Path, help="folder of avatars (default: drawn into the --out folder)")
    add_budget(parser, minutes=10)
    parser.add_argument("--device", default="auto", help="auto or cpu")
    args = parser.parse_args()
    classifier = classifier_in(args.out, budget_of(args), args.state, args.device)
    print(table(classifier, dataset_in(args.out, args.state)))


if __name__ == "__main__":
    main()

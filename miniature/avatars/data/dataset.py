"""Avatars written by `writer` as a data set, and classification of their attributes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from inst.errors import InputError
from miniature.avatars.data.attributes import CHOICES, Attributes, eyes_visible

HELD_OUT, MAX_HELD_OUT = 0.1, 1000
"""Share of the avatars that is held out (the last ones), and the largest number of them."""
Accuracies = dict[str, tuple[float, float]]
"""For each attribute the accuracy, and the share of the most common value (the accuracy of guessing it)."""
HIDDEN = -100
"""Label of an attribute that is not visible in the image; `cross_entropy` ignores it."""


def num_held_out(count: int) -> int:
    """How many of ``count`` avatars (the last ones) are held out from training."""
    return min(MAX_HELD_OUT, int(HELD_OUT * count))


@dataclass(frozen=True)
class AvatarDataset:
    """Images (n, size, size, 3) uint8, memory-mapped, their attributes, and the seed they were drawn with."""

    pixels: np.ndarray
    attributes: list[Attributes]
    seed: int

    @classmethod
    def open(cls, state: Path) -> AvatarDataset:
        """Raises:
        InputError: there are no avatars in the folder.
        """
        if not (state / "avatars.json").exists():
            raise InputError(
                f"{state} contains no avatars.json: python -m miniature.avatars --state {state} draws avatars"
            )
        rows = json.loads((state / "avatars.json").read_text())
        plan = json.loads((state / "avatars.plan.json").read_text())
        pixels = np.load(state / "avatars.npy", mmap_mode="r")
        return cls(pixels, [Attributes(**row["attributes"]) for row in rows], plan["seed"])

    def __len__(self) -> int:
        return len(self.attributes)

    @property
    def train(self) -> range:
        return range(len(self) - num_held_out(len(self)))

    @property
    def held_out(self) -> range:
        """Rows that are not used for training."""
        return range(len(self) - num_held_out(len(self)), len(self))

    def images(self, rows: np.ndarray | range | list[int]) -> Float[Tensor, "n 3 h w"]:
        """Images in [-1, 1]."""
        return to_tensors(self.pixels[np.asarray(rows)])

    def choices(self, rows: np.ndarray | range | list[int]) -> Int[Tensor, "n c"]:
        return torch.tensor([choices_of(self.attributes[row]) for row in rows])


def to_tensors(pixels: UInt8[np.ndarray, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
    """uint8 images to float32 tensors in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def choices_of(a: Attributes) -> list[int]:
    """Index of each attribute's value, in the order of `CHOICES`; `HIDDEN` for attributes that are not visible."""
    hidden = {"hair": a.cut == "bald", "eyes": not eyes_visible(a), "lids": a.glasses == "sunglasses"}
    return [HIDDEN if hidden.get(name) else list(options).index(getattr(a, name)) for name, options in CHOICES.items()]


class ChoiceHeads(nn.Module):
    """Features (b, f) to the concatenated logits of all attributes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = [len(options) for options in CHOICES.values()]
        self.linear = nn.Linear(width, sum(self.sizes))

    def forward(self, features: Float[Tensor, "b f"]) -> Float[Tensor, "b k"]:
        return self.linear(features)

    def split(self, logits: Float[Tensor, "b k"]) -> dict[str, Float[Tensor, "b _"]]:
        """The logits of each attribute by name."""
        return dict(zip(CHOICES, logits.float().split(self.sizes, 1), strict=True))

    def loss(self, logits: Float[Tensor, "b k"], choices: Int[Tensor, "b c"]) -> Float[Tensor, ""]:
        """Cross-entropy: mean over the visible samples of each attribute, then over the attributes."""
        losses = [
            functional.cross_entropy(part, target, reduction="sum") / (target != HIDDEN).sum().clamp_min(1)
            for part, target in zip(self.split(logits).values(), choices.T, strict=True)
        ]
        return torch.stack(losses).mean()


def accuracy_table(drawings: Accuracies, augmented: Accuracies) -> str:
    """Accuracies in Markdown, on drawings and on augmented drawings."""
    lines = ["| attribute | drawings | augmented | most common value |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {drawings[name][0]:.1%} | {augmented[name][0]:.1%} | {drawings[name][1]:.1%} |"
        for name in drawings
    ]
    return "\n".join(lines)

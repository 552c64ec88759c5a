"""Avatars of `dataset.write` as networks are trained and measured on them."""

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
from miniature.avatars.data.attributes import CHOICES, Attributes, eyes_seen

HELD, HELD_AT_MOST = 0.1, 1000
"""Share of the avatars that is held back, the last ones."""
Shares = dict[str, tuple[float, float]]
"""For each attribute the share told rightly, and that of the commonest value, which guessing would reach."""
UNSEEN = -100
"""Stands for a choice that the picture does not show; `cross_entropy` leaves it out."""


def held_back(count: int) -> int:
    """How many of so many avatars, the last ones, are not trained on."""
    return min(HELD_AT_MOST, int(HELD * count))


@dataclass(frozen=True)
class Crowd:
    """Pictures (n, size, size, 3) uint8, mapped from disk, and what is on them; ``seed`` they were drawn with."""

    pixels: np.ndarray
    attributes: list[Attributes]
    seed: int

    @classmethod
    def open(cls, state: Path) -> Crowd:
        """Raises:
        InputError: no avatars there.
        """
        if not (state / "avatars.json").exists():
            raise InputError(f"{state} holds no avatars.json: draw them, python -m miniature.avatars --state {state}")
        rows = json.loads((state / "avatars.json").read_text())
        plan = json.loads((state / "avatars.plan.json").read_text())
        pixels = np.load(state / "avatars.npy", mmap_mode="r")
        return cls(pixels, [Attributes(**row["attributes"]) for row in rows], plan["seed"])

    def __len__(self) -> int:
        return len(self.attributes)

    @property
    def train(self) -> range:
        return range(len(self) - held_back(len(self)))

    @property
    def held(self) -> range:
        """Never trained on."""
        return range(len(self) - held_back(len(self)), len(self))

    def pictures(self, rows: np.ndarray | range | list[int]) -> Float[Tensor, "n 3 h w"]:
        """In [-1, 1]."""
        return as_pictures(self.pixels[np.asarray(rows)])

    def choices(self, rows: np.ndarray | range | list[int]) -> Int[Tensor, "n c"]:
        return torch.tensor([choices_of(self.attributes[row]) for row in rows])


def as_pictures(pixels: UInt8[np.ndarray, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
    """Bytes to [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def choices_of(a: Attributes) -> list[int]:
    """The number of each choice, in the order of `CHOICES`; `UNSEEN` for what is hidden."""
    hidden = {"hair": a.cut == "bald", "eyes": not eyes_seen(a), "lids": a.glasses == "sunglasses"}
    return [UNSEEN if hidden.get(name) else list(options).index(getattr(a, name)) for name, options in CHOICES.items()]


class ChoiceHeads(nn.Module):
    """Features (b, f) to logits of every choice, side by side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = [len(options) for options in CHOICES.values()]
        self.linear = nn.Linear(width, sum(self.sizes))

    def forward(self, features: Float[Tensor, "b f"]) -> Float[Tensor, "b k"]:
        return self.linear(features)

    def split(self, logits: Float[Tensor, "b k"]) -> dict[str, Float[Tensor, "b _"]]:
        """The logits of each choice by its name."""
        return dict(zip(CHOICES, logits.float().split(self.sizes, 1), strict=True))

    def loss(self, logits: Float[Tensor, "b k"], choices: Int[Tensor, "b c"]) -> Float[Tensor, ""]:
        """Cross-entropy, the mean over what is seen of each choice and over the choices."""
        losses = [
            functional.cross_entropy(part, wanted, reduction="sum") / (wanted != UNSEEN).sum().clamp_min(1)
            for part, wanted in zip(self.split(logits).values(), choices.T, strict=True)
        ]
        return torch.stack(losses).mean()


def accuracy_table(plain: Shares, worsened: Shares) -> str:
    """In Markdown: pictures as they are drawn, and made imperfect."""
    lines = ["| attribute | as drawn | imperfect | commonest |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {plain[name][0]:.1%} | {worsened[name][0]:.1%} | {plain[name][1]:.1%} |" for name in plain]
    return "\n".join(lines)

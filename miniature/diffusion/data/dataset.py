"""The rendered pictures as training batches: who shares a manner with whom, and crops."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

Rng = np.random.Generator


@dataclass(frozen=True)
class Pictures:
    """The shard written by the rendering step.

    Args:
        pixels: (n, 256, 256, 3) uint8, mapped from disk.
        rows: metadata about each picture, in the order of ``pixels``.
    """

    pixels: np.ndarray
    rows: list[dict[str, Any]]

    @classmethod
    def open(cls, state: Path) -> Pictures:
        rows = json.loads((state / "pictures.json").read_text())
        return cls(np.load(state / "pictures.npy", mmap_mode="r"), rows)

    def groups(self, split: str) -> dict[str, list[list[dict[str, Any]]]]:
        """For each kind (style, painting, photo) its manners, each a list of pictures."""
        out: dict[str, dict[int, list[dict[str, Any]]]] = {"style": {}, "painting": {}, "photo": {}}
        for row in self.rows:
            if row["split"] == split:
                out[row["kind"]].setdefault(row["manner"], []).append(row)
        return {kind: list(manners.values()) for kind, manners in out.items()}


def draw(
    groups: dict[str, list[list[dict[str, Any]]]], shares: dict[str, float], rng: Rng
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A picture and another one of the same manner (itself where the manner has one picture only)."""
    kinds = list(shares)
    kind = kinds[int(rng.choice(len(kinds), p=list(shares.values())))]
    manner = groups[kind][int(rng.integers(len(groups[kind])))]
    first = int(rng.integers(len(manner)))
    other = (first + int(rng.integers(1, len(manner)))) % len(manner) if len(manner) > 1 else first
    return manner[first], manner[other]


def crop(image: np.ndarray, size: int, rng: Rng, align: int = 1) -> np.ndarray:
    """A random (size, size, 3) part, flipped half of the time, its corner on a grid of ``align`` pixels."""
    y, x = (align * int(v) for v in rng.integers(0, (image.shape[0] - size) // align + 1, 2))
    part = image[y : y + size, x : x + size]
    return part[:, ::-1] if rng.random() < 0.5 else part


def to_tensor(images: list[np.ndarray]) -> Tensor:
    """uint8 pictures to (b, 3, h, w) float32 in [-1, 1]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()

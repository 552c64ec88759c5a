"""The rendered pictures as a data set, grouped by style variant, and random crops."""

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
    """The pictures written by the rendering step.

    Args:
        pixels: (n, 256, 256, 3) uint8, memory-mapped.
        rows: metadata of each picture; ``manner`` numbers its style variant or painting.
    """

    pixels: np.ndarray
    rows: list[dict[str, Any]]

    @classmethod
    def open(cls, state: Path) -> Pictures:
        rows = json.loads((state / "pictures.json").read_text())
        return cls(np.load(state / "pictures.npy", mmap_mode="r"), rows)

    def groups(self, split: str) -> dict[str, list[list[dict[str, Any]]]]:
        """For each kind (style, painting, photo) the pictures, grouped by variant."""
        out: dict[str, dict[int, list[dict[str, Any]]]] = {"style": {}, "painting": {}, "photo": {}}
        for row in self.rows:
            if row["split"] == split:
                out[row["kind"]].setdefault(row["manner"], []).append(row)
        return {kind: list(variants.values()) for kind, variants in out.items()}


def sample_pair(
    groups: dict[str, list[list[dict[str, Any]]]], shares: dict[str, float], rng: Rng
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A random picture and another one of the same variant (itself if the variant has only one picture)."""
    kinds = list(shares)
    kind = kinds[int(rng.choice(len(kinds), p=list(shares.values())))]
    variant = groups[kind][int(rng.integers(len(groups[kind])))]
    first = int(rng.integers(len(variant)))
    other = (first + int(rng.integers(1, len(variant)))) % len(variant) if len(variant) > 1 else first
    return variant[first], variant[other]


def crop(image: np.ndarray, size: int, rng: Rng, align: int = 1) -> np.ndarray:
    """A random (size, size, 3) crop with random flip; its corner is on a grid of ``align`` pixels."""
    y, x = (align * int(v) for v in rng.integers(0, (image.shape[0] - size) // align + 1, 2))
    part = image[y : y + size, x : x + size]
    return part[:, ::-1] if rng.random() < 0.5 else part


def to_tensor(images: list[np.ndarray]) -> Tensor:
    """uint8 pictures to (b, 3, h, w) float32 in [-1, 1]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()

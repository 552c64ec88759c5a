"""Variants of avatars with another expression or outfit, for training and evaluating the identity network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from miniature.avatars.data.attributes import HIDDEN_BY_HATS, Attributes, Rng, another_expression, sample
from miniature.avatars.drawing.portrait import draw
from miniature.painting.shapes import Array

SAVED_EVERY = 64


def another_outfit(attributes: Attributes, rng: Rng) -> Attributes:
    """The same avatar with other clothes and background, and another choice of hat, glasses and earrings."""
    donor = sample(rng)
    outfit = {name: getattr(donor, name) for name in ("clothes", "cloth", "background", "glasses", "earrings")}
    hat = "none" if attributes.cut in HIDDEN_BY_HATS else donor.hat
    return replace(attributes, **outfit, hat=hat)


def draw_variant(seed: int, index: int, size: int, *, outfit: bool) -> Array:
    """Avatar ``index`` of a seed with another expression and optionally another outfit, (size, size, 3) uint8.

    Strands and freckles are those of `writer.draw_avatar`.
    """
    rng, variant_rng = np.random.default_rng([seed, index]), np.random.default_rng([seed, index, 1])
    attributes = sample(rng)
    strands = int(rng.integers(2**62))
    other = another_expression(attributes, variant_rng)
    if outfit:
        other = another_outfit(other, variant_rng)
    return np.round(draw(other, strands, size)[0] * 255).astype(np.uint8)


def write_variants(folder: Path, tasks: list[tuple[int, bool]], seed: int, size: int) -> np.ndarray:
    """Draw a variant for each (index, whether with another outfit); an interrupted call is resumed.

    Returns:
        Images (n, size, size, 3) uint8, memory-mapped.

    Raises:
        ValueError: the folder contains variants for other tasks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = {"seed": seed, "size": size, "tasks": [list(task) for task in tasks]}
    plan_path, pixels_path = folder / "variants.json", folder / "variants.npy"
    state = json.loads(plan_path.read_text()) if plan_path.exists() else plan | {"done": 0}
    if {key: state[key] for key in plan} != plan:
        raise ValueError(f"{folder} contains variants of other avatars: remove it or give another --state")
    if state["done"] == 0:
        np.lib.format.open_memmap(pixels_path, mode="w+", dtype=np.uint8, shape=(len(tasks), size, size, 3)).flush()
    pixels = np.load(pixels_path, mmap_mode="r+")
    cv2.setNumThreads(1)
    for first in tqdm(range(state["done"], len(tasks), SAVED_EVERY), unit="64 variants", mininterval=20):
        for place, (index, outfit) in enumerate(tasks[first : first + SAVED_EVERY], first):
            pixels[place] = draw_variant(seed, index, size, outfit=outfit)
        pixels.flush()
        part = plan_path.with_suffix(".json.part")
        part.write_text(json.dumps(plan | {"done": min(first + SAVED_EVERY, len(tasks))}))
        part.replace(plan_path)
    return np.load(pixels_path, mmap_mode="r")

"""The same avatars at another moment, to train and measure a recogniser on."""

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
    """The same avatar in other clothes, before another background, with or without hat, glasses and earrings."""
    donor = sample(rng)
    taken = {name: getattr(donor, name) for name in ("clothes", "cloth", "background", "glasses", "earrings")}
    hat = "none" if attributes.cut in HIDDEN_BY_HATS else donor.hat
    return replace(attributes, **taken, hat=hat)


def moment(seed: int, index: int, size: int, *, outfit: bool) -> Array:
    """Avatar ``index`` of a seed, (size, size, 3) uint8, with another expression and, if asked, another outfit.

    Strands and freckles are those of `dataset.avatar`.
    """
    rng, chance = np.random.default_rng([seed, index]), np.random.default_rng([seed, index, 1])
    attributes = sample(rng)
    strands = int(rng.integers(2**62))
    other = another_expression(attributes, chance)
    if outfit:
        other = another_outfit(other, chance)
    return np.round(draw(other, strands, size)[0] * 255).astype(np.uint8)


def write_moments(folder: Path, tasks: list[tuple[int, bool]], seed: int, size: int) -> np.ndarray:
    """`moment` of each index, with another outfit or without; goes on where it stopped.

    Returns:
        Pictures (n, size, size, 3) uint8, mapped from disk.

    Raises:
        ValueError: the folder's moments are of other tasks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = {"seed": seed, "size": size, "tasks": [list(task) for task in tasks]}
    plan_path, pixels_path = folder / "moments.json", folder / "moments.npy"
    state = json.loads(plan_path.read_text()) if plan_path.exists() else plan | {"done": 0}
    if {key: state[key] for key in plan} != plan:
        raise ValueError(f"{folder} holds moments of other avatars: remove it, or give another --state")
    if state["done"] == 0:
        np.lib.format.open_memmap(pixels_path, mode="w+", dtype=np.uint8, shape=(len(tasks), size, size, 3)).flush()
    pixels = np.load(pixels_path, mmap_mode="r+")
    cv2.setNumThreads(1)
    for first in tqdm(range(state["done"], len(tasks), SAVED_EVERY), unit="64 moments", mininterval=20):
        for place, (index, outfit) in enumerate(tasks[first : first + SAVED_EVERY], first):
            pixels[place] = moment(seed, index, size, outfit=outfit)
        pixels.flush()
        part = plan_path.with_suffix(".json.part")
        part.write_text(json.dumps(plan | {"done": min(first + SAVED_EVERY, len(tasks))}))
        part.replace(plan_path)
    return np.load(pixels_path, mmap_mode="r")

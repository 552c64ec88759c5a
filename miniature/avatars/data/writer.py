"""Write a data set of avatars: `avatars.npy` (n, size, size, 3) uint8, and `avatars.json` with metadata of each.

Avatar ``i`` of a seed does not depend on the number of avatars and workers or on interruptions. Avatars are drawn in
shards; the metadata of a shard are written after its images, and a resumed run draws the shards without metadata.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from miniature.avatars.data.attributes import Rng, labels, sample
from miniature.avatars.data.captions import caption
from miniature.avatars.drawing.portrait import draw
from miniature.painting.shapes import Array

SHARD = 128


def draw_avatar(seed: int, index: int, size: int) -> tuple[Array, dict[str, Any]]:
    """One avatar, (size, size, 3) uint8, and its metadata: attributes, true labels, caption, landmarks in pixels."""
    rng: Rng = np.random.default_rng([seed, index])
    attributes = sample(rng)
    picture, points = draw(attributes, rng, size)
    row = {
        "row": index,
        "attributes": asdict(attributes),
        "labels": [name for name, true in labels(attributes).items() if true],
        "caption": caption(attributes, rng),
        "landmarks": np.round(points.astype(float), 2).tolist(),
    }
    return np.round(picture * 255).astype(np.uint8), row


def _shard(task: tuple[str, str, int, int, int, int]) -> int:
    pixels_path, rows_path, seed, first, last, size = task
    cv2.setNumThreads(1)
    pixels = np.load(pixels_path, mmap_mode="r+")
    rows = []
    for index in range(first, last):
        pixels[index], row = draw_avatar(seed, index, size)
        rows.append(row)
    pixels.flush()
    part = Path(rows_path + ".part")
    part.write_text(json.dumps(rows, separators=(",", ":")))
    part.replace(rows_path)
    return last - first


def write_avatars(
    state: Path, count: int, size: int = 64, *, seed: int = 0, workers: int = 1, shard: int = SHARD
) -> None:
    """Draw ``count`` avatars into ``state``, or those that are missing there.

    Raises:
        SystemExit: the folder contains avatars with other settings.
    """
    state.mkdir(parents=True, exist_ok=True)
    plan = {"count": count, "size": size, "seed": seed, "shard": shard}
    parts, pixels = state / "avatars.parts", state / "avatars.npy"
    plan_path, out = state / "avatars.plan.json", state / "avatars.json"
    existing = json.loads(plan_path.read_text()) if plan_path.exists() else plan
    if existing != plan:
        raise SystemExit(f"{state} contains avatars with {existing}, but {plan} was requested: give another --state")
    if out.exists() and pixels.exists():
        return
    if not (plan_path.exists() and pixels.exists()):
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        np.lib.format.open_memmap(pixels, mode="w+", dtype=np.uint8, shape=(count, size, size, 3)).flush()
        plan_path.write_text(json.dumps(plan))
    firsts = range(0, count, shard)
    tasks = [
        (str(pixels), str(parts / f"{first:08d}.json"), seed, first, min(first + shard, count), size)
        for first in firsts
    ]
    remaining = [task for task in tasks if not Path(task[1]).exists()]
    done = count - sum(task[4] - task[3] for task in remaining)
    with tqdm(total=count, initial=done, unit="avatar", mininterval=2) as bar:
        if workers > 1:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                for number in pool.imap_unordered(_shard, remaining):
                    bar.update(number)
        else:
            for task in remaining:
                bar.update(_shard(task))
    rows = [row for task in tasks for row in json.loads(Path(task[1]).read_text())]
    part = out.with_suffix(".json.part")
    part.write_text(json.dumps(rows, separators=(",", ":")))
    part.replace(out)
    shutil.rmtree(parts)


def contact_sheet(columns: int, rows: int, size: int, seed: int = 0) -> Array:
    """A contact sheet of the first avatars of a seed, (rows * size, columns * size, 3) uint8."""
    pictures = [draw_avatar(seed, index, size)[0] for index in range(columns * rows)]
    return np.concatenate([np.concatenate(pictures[k * columns : (k + 1) * columns], 1) for k in range(rows)])

"""Read folders of pictures with an optional `metadata.csv` (file, caption or title, split)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SIZE = 256
# Sampling weights by subfolder: lower for subfolders with similar pictures, higher for varied ones.
WEIGHTS = {"grocery": 0.3, "clothing": 0.3, "facades": 0.5, "flowers": 0.7, "landscapes": 4.0, "sky": 3.0, "mixed": 4.0}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One picture file."""

    path: Path
    caption: str
    split: str
    group: str


def scan(folder: Path) -> list[Record]:
    """All pictures below a folder, sorted by path; without a `metadata.csv` every 17th is in the `val` split."""
    folder = folder.resolve()
    table: dict[Path, dict[str, str]] = {}
    if (folder / "metadata.csv").is_file():
        with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                inner = row["file"].removeprefix(folder.name + "/")
                table[folder / inner] = row
    records = []
    for index, path in enumerate(sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)):
        row = table.get(path, {})
        caption = (row.get("caption") or row.get("title") or "").strip()
        split = row.get("split") or ("val" if index % 17 == 16 else "train")
        records.append(Record(path=path, caption=caption, split=split, group=path.parent.name))
    return records


def load(path: Path) -> np.ndarray | None:
    """(h, w, 3) RGB float32 in [0, 1] on white, or ``None`` for a damaged file."""
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None or min(raw.shape[:2]) < 16:
        return None
    scale = 65535.0 if raw.dtype == np.uint16 else 255.0
    image = raw.astype(np.float32) / scale
    if image.ndim == 2:
        image = image[..., None].repeat(3, -1)
    if image.shape[-1] == 4:
        image = image[..., :3] * image[..., 3:] + 1 - image[..., 3:]
    return np.ascontiguousarray(image[..., ::-1])


def square(image: np.ndarray, rng: np.random.Generator | None, *, size: int = SIZE, zoom: float = 1.0) -> np.ndarray:
    """A square crop of the short side times ``1 / zoom``, at a random position or centred, resized to ``size``."""
    h, w = image.shape[:2]
    side = min(h, w, max(16, round(min(h, w) / zoom)))
    y, x = (
        ((h - side) // 2, (w - side) // 2) if rng is None else (rng.integers(h - side + 1), rng.integers(w - side + 1))
    )
    crop = image[y : y + side, x : x + side]
    method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.clip(cv2.resize(crop, (size, size), interpolation=method), 0, 1)


def weights(records: list[Record]) -> np.ndarray:
    """Probability of each record in sampling."""
    raw = np.array([WEIGHTS.get(record.group, 1.0) for record in records])
    return raw / raw.sum()

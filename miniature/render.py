"""Step 1: draw the training pictures, `python -m miniature.render --photos DIR --paintings DIR --state DIR`.

A *manner* is a style with parameters and a palette; it is drawn on several photos, so that two pictures of one manner
share everything but their content. A real painting is a manner of its own: its crops are its pictures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from miniature import brushes, prints, washes  # noqa: F401  (they register their styles)
from miniature.data import SIZE, Record, load, scan, square, weights
from miniature.palette import Palette, colour_words, palette_of
from miniature.registry import STYLES, Params

PER_MANNER = 4
PER_PAINTING = 14


def render(photo: np.ndarray, manner: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """A photo in a manner; both (h, w, 3) float32 RGB in [0, 1]."""
    coloured = Palette(**manner["palette"]).apply(photo)
    out = STYLES[manner["style"]].paint(coloured, manner["params"], rng)
    return np.clip(out, 0, 1).astype(np.float32)


def draw_manner(name: str, painting: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """A style's parameters, its words and a palette taken from a painting."""
    style = STYLES[name]
    params: Params = style.draw(rng)
    kind = "keep" if rng.random() < style.keep else "cov" if rng.random() < 0.6 else "ramp"
    palette = palette_of(painting, rng, kind)
    return {
        "style": name,
        "params": params,
        "palette": vars(palette),
        "words": style.words[int(rng.integers(len(style.words)))],
    }


def _save(image: np.ndarray) -> np.ndarray:
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _emoji_scene(files: list[Record], rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A few drawn things on a graded ground, as a photo to paint from."""
    top, low = rng.uniform(0, 1, (2, 3))
    ramp = np.linspace(0, 1, SIZE)[:, None, None]
    scene = np.broadcast_to(top + ramp * (low - top), (SIZE, SIZE, 3)).astype(np.float32).copy()
    words = []
    for _ in range(int(rng.integers(1, 4))):
        record = files[int(rng.integers(len(files)))]
        raw = cv2.imread(str(record.path), cv2.IMREAD_UNCHANGED)
        if raw is None or raw.ndim != 3 or raw.shape[-1] != 4:
            continue
        side = int(rng.integers(90, 200))
        raw = cv2.resize(raw, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        y, x = rng.integers(0, SIZE - side, 2)
        alpha = raw[..., 3:]
        scene[y : y + side, x : x + side] = scene[y : y + side, x : x + side] * (1 - alpha) + raw[..., 2::-1] * alpha
        words.append(record.caption)
    return scene, " and ".join(words[:2])


def _job(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Render one manner (or one painting, photo or scene) into its rows of the shard."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(task["seed"])
    shard = np.load(task["shard"], mmap_mode="r+")
    rows = []
    source = load(Path(task["source"])) if task.get("source") else None
    if task.get("source") and source is None:
        return [{"broken": task["source"]}]
    manner: dict[str, Any] = {}
    if task["kind"] == "style":
        assert source is not None
        manner = draw_manner(task["style"], square(source, None), rng)
    for offset, content in enumerate(task["contents"]):
        caption = content["caption"]
        if task["kind"] == "painting":
            assert source is not None
            # The whole short side first, then native-scale crops, so that strokes are seen at both sizes.
            zoom = 1.0 if offset < 4 else min(source.shape[:2]) / SIZE * rng.uniform(0.8, 1.0)
            image = square(source, None if offset == 0 else rng, zoom=max(1.0, zoom))
        elif content.get("emoji"):
            image, caption = _emoji_scene(
                [Record(path=Path(f), caption=c, split="", group="") for f, c in content["emoji"]], rng
            )
        else:
            photo = load(Path(content["path"]))
            if photo is None:
                rows.append({"broken": content["path"]})
                continue
            image = square(photo, rng, zoom=rng.uniform(1.0, 1.35))
        if manner:
            image = render(image, manner, rng)
        shard[task["row"] + offset] = _save(image)
        rows.append(
            {
                "row": task["row"] + offset,
                "manner": task["manner"],
                "kind": task["kind"],
                "content": caption,
                "style": manner.get("style", task["kind"]),
                "words": manner.get("words", ""),
                "colours": colour_words(image),
                "split": task["split"],
            }
        )
    return rows


def plan(
    photos: list[Record], paintings: list[Record], emoji: list[Record], manners: int, seed: int
) -> list[dict[str, Any]]:
    """The list of jobs; each knows its rows, its seed and its sources, so that the order of work does not matter."""
    rng = np.random.default_rng(seed)
    tasks: list[dict[str, Any]] = []
    row = 0

    def add(kind: str, split: str, contents: list[dict[str, Any]], **more: Any) -> None:
        nonlocal row
        tasks.append(
            {
                "kind": kind,
                "split": split,
                "contents": contents,
                "row": row,
                "manner": len(tasks),
                "seed": seed + len(tasks),
                **more,
            }
        )
        row += len(contents)

    def draw(pool: list[Record], count: int) -> list[dict[str, Any]]:
        chosen = rng.choice(len(pool), count, replace=len(pool) < count, p=weights(pool))
        return [{"path": str(pool[i].path), "caption": pool[i].caption} for i in chosen]

    by_split = {
        s: ([r for r in photos if r.split == s], [r for r in paintings if r.split == s]) for s in ("train", "val")
    }
    trained = [name for name, style in STYLES.items() if not style.held]
    held = [name for name, style in STYLES.items() if style.held]
    for split, names, count in (("train", trained, manners), ("val", held, 4 * len(held))):
        pool, art = (mine or all_of for mine, all_of in zip(by_split[split], (photos, paintings), strict=True))
        for index in range(count):
            contents = draw(pool, PER_MANNER)
            if emoji and split == "train" and rng.random() < 0.25:
                chosen = rng.choice(len(emoji), 6, replace=False)
                contents[-1] = {"caption": "", "emoji": [(str(emoji[i].path), emoji[i].caption) for i in chosen]}
            add(
                "style",
                split,
                contents,
                style=names[index % len(names)],
                source=str(art[int(rng.integers(len(art)))].path),
            )
    for split, crops in (("train", PER_PAINTING), ("val", 1)):
        for record in by_split[split][1]:
            add("painting", split, [{"caption": record.caption}] * crops, source=str(record.path))
        plain = by_split[split][0]
        kept = [
            r for r, w in zip(plain, weights(plain) * len(plain), strict=True) if split == "val" or rng.random() < w
        ]
        for record in kept:
            add("photo", split, [{"path": str(record.path), "caption": record.caption}])
    return tasks


def run(photos: Path, paintings: Path, emoji: Path | None, state: Path, manners: int, seed: int = 0) -> None:
    """Draw everything into `state/pictures.npy` (n, 256, 256, 3) uint8 and `state/pictures.json`."""
    if (state / "pictures.json").exists():
        return
    state.mkdir(parents=True, exist_ok=True)
    found = [scan(photos), scan(paintings), scan(emoji) if emoji else []]
    for name, folder, records in zip(("photos", "paintings"), (photos, paintings), found, strict=False):
        if len([r for r in records if r.split == "train"]) < PER_MANNER:
            raise SystemExit(f"{name}: {folder} holds {len(records)} pictures, at least {PER_MANNER + 1} are needed")
    tasks = plan(*found, manners, seed)
    total = tasks[-1]["row"] + len(tasks[-1]["contents"])
    shard = state / "pictures.npy"
    np.lib.format.open_memmap(shard, mode="w+", dtype=np.uint8, shape=(total, SIZE, SIZE, 3)).flush()
    rows: list[dict[str, Any]] = []
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for result in tqdm(
            pool.imap_unordered(_job, [t | {"shard": str(shard)} for t in tasks], 8), total=len(tasks), mininterval=5
        ):
            rows.extend(result)
    broken = Counter(row["broken"] for row in rows if "broken" in row)
    for path in sorted(broken):
        print(f"skipped, not readable: {path}")
    rows = sorted((row for row in rows if "row" in row), key=lambda row: row["row"])
    (state / "pictures.json.part").write_text(json.dumps(rows))
    (state / "pictures.json.part").replace(state / "pictures.json")
    print(f"{len(rows)} pictures of {len({r['manner'] for r in rows})} manners, {len(broken)} files skipped")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--emoji", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--manners", type=int, default=2600)
    args = parser.parse_args()
    run(args.photos, args.paintings, args.emoji, args.state, args.manners)


if __name__ == "__main__":
    main()

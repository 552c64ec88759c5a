"""Step 1: render training pictures: `python -m miniature.diffusion.render --photos DIR --paintings DIR --state DIR`.

A *variant* of a style has sampled parameters and a palette. It is rendered on several photos, so that its pictures have
everything in common except their content. A real painting is treated as a variant whose pictures are its crops.
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

from miniature.common.words import with_article
from miniature.diffusion.data.files import SIZE, Record, load, scan, square, weights
from miniature.diffusion.data.nouns import evaluated_nouns
from miniature.painting.palette import Palette, colour_words, palette_of
from miniature.painting.styles import STYLES, Params

PER_VARIANT = 4
PER_PAINTING = 14
# Number of photo-like scenes with the nouns of words.txt; words that change their meaning: "hot dog", "moon cake".
SCENES = 600
EXCLUDED = {"hot", "cake", "cards", "light", "nose", "couple", "stop", "clover"}


def render(photo: np.ndarray, variant: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Render a photo with a variant; both (h, w, 3) float32 RGB in [0, 1]."""
    coloured = Palette(**variant["palette"]).apply(photo)
    out = STYLES[variant["style"]].paint(coloured, variant["params"], rng)
    return np.clip(out, 0, 1).astype(np.float32)


def sample_variant(name: str, painting: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Sample a variant: a style's parameters, one of its names, and a palette extracted from a painting."""
    style = STYLES[name]
    params: Params = style.sample_params(rng)
    kind = "keep" if rng.random() < style.keep else "cov" if rng.random() < 0.6 else "ramp"
    palette = palette_of(painting, rng, kind)
    return {
        "style": name,
        "params": params,
        "palette": vars(palette),
        "words": style.words[int(rng.integers(len(style.words)))],
    }


def _to_uint8(image: np.ndarray) -> np.ndarray:
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def pictograms_by_noun(emoji: list[Record]) -> dict[str, list[Record]]:
    """The pictograms of each noun in `words.txt`: those whose caption contains it as a word."""
    table: dict[str, list[Record]] = {word: [] for word in evaluated_nouns()}
    for record in emoji:
        words = set(record.caption.lower().replace("’", " ").split())
        for word in words & table.keys() if not words & EXCLUDED else ():
            table[word].append(record)
    return {word: records for word, records in table.items() if records}


def _emoji_scene(content: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A picture of the content's pictograms on a gradient or a blurred photo, and its caption."""
    top, low = rng.uniform(0, 1, (2, 3))
    ramp = np.linspace(0, 1, SIZE)[:, None, None]
    scene = np.broadcast_to(top + ramp * (low - top), (SIZE, SIZE, 3)).astype(np.float32).copy()
    photo = load(Path(content["path"])) if content.get("path") else None
    if photo is not None:
        scene = cv2.GaussianBlur(square(photo, rng), (0, 0), rng.uniform(3, 12))
    sides = np.sort(rng.integers(40, 151, len(content["emoji"])))[::-1].tolist()
    names, centres = [], np.full((1, 2), -SIZE)
    for (path, name), side in zip(content["emoji"], sides, strict=True):
        raw = cv2.imread(path, cv2.IMREAD_UNCHANGED)
        if raw is None or raw.ndim != 3 or raw.shape[-1] != 4:
            continue
        raw = cv2.resize(raw, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        # Of a few random positions, the one farthest from the pictograms that are there already.
        places = rng.integers(0, SIZE - side + 1, (8, 2))
        far = np.abs(places[:, None] + side // 2 - centres).max(-1).min(1)
        y, x = places[far.argmax()]
        centres = np.concatenate([centres, [[y + side // 2, x + side // 2]]])
        alpha = raw[..., 3:]
        scene[y : y + side, x : x + side] = scene[y : y + side, x : x + side] * (1 - alpha) + raw[..., 2::-1] * alpha
        names.append(name)
    return scene, " and ".join(names)


def _render_task(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Render one variant (or one painting, photo or scene) into its rows of the array."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(task["seed"])
    shard, sources = (np.load(path, mmap_mode="r+") for path in task["shards"])
    rows = []
    source = load(Path(task["source"])) if task.get("source") else None
    if task.get("source") and source is None:
        return [{"broken": task["source"]}]
    variant: dict[str, Any] = {}
    if task["kind"] == "style":
        assert source is not None
        variant = sample_variant(task["style"], square(source, None), rng)
    for offset, content in enumerate(task["contents"]):
        caption = content["caption"]
        if task["kind"] == "painting":
            assert source is not None
            # First the whole short side, then crops at native scale, so that strokes appear at both sizes.
            zoom = 1.0 if offset < 4 else min(source.shape[:2]) / SIZE * rng.uniform(0.8, 1.0)
            image = square(source, None if offset == 0 else rng, zoom=max(1.0, zoom))
        elif content.get("emoji"):
            image, caption = _emoji_scene(content, rng)
        else:
            photo = load(Path(content["path"]))
            if photo is None:
                rows.append({"broken": content["path"]})
                continue
            image = square(photo, rng, zoom=rng.uniform(1.0, 1.35))
        if variant:
            sources[task["row"] + offset] = _to_uint8(image)
            image = render(image, variant, rng)
        shard[task["row"] + offset] = _to_uint8(image)
        rows.append(
            {
                "row": task["row"] + offset,
                "manner": task["manner"],
                "kind": task["kind"],
                "content": caption,
                "style": variant.get("style", task["kind"]),
                "words": variant.get("words", ""),
                "colours": colour_words(image),
                "split": task["split"],
            }
        )
    return rows


def plan(
    photos: list[Record], paintings: list[Record], emoji: list[Record], variants: int, seed: int
) -> list[dict[str, Any]]:
    """The list of tasks with their rows, seeds and sources, so that they can be rendered in any order."""
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

    def scene(photos: list[Record], nouns: dict[str, list[Record]]) -> dict[str, Any]:
        """One to three pictograms of the given nouns (any if there are none), half of the time on a photo."""
        count = int(rng.integers(1, 4))
        if nouns:
            words = rng.choice(sorted(nouns), min(count, len(nouns)), replace=False).tolist()
            records = [nouns[word][int(rng.integers(len(nouns[word])))] for word in words]
            names = [with_article(word) for word in words]
        else:
            records = [emoji[i] for i in rng.integers(0, len(emoji), count)]
            names = [record.caption for record in records]
        background = draw(photos, 1)[0]["path"] if rng.random() < 0.5 else ""
        return {
            "path": background,
            "caption": "",
            "emoji": [(str(r.path), n) for r, n in zip(records, names, strict=True)],
        }

    by_noun = pictograms_by_noun(emoji)
    by_split = {
        s: ([r for r in photos if r.split == s], [r for r in paintings if r.split == s]) for s in ("train", "val")
    }
    trained = [name for name, style in STYLES.items() if not style.held_out]
    held_out = [name for name, style in STYLES.items() if style.held_out]
    for split, names, count in (("train", trained, variants), ("val", held_out, 4 * len(held_out))):
        pool, art = (
            split_records or records
            for split_records, records in zip(by_split[split], (photos, paintings), strict=True)
        )
        for index in range(count):
            contents = draw(pool, PER_VARIANT)
            if emoji and split == "train" and rng.random() < 0.5:
                contents[-1] = scene(pool, by_noun if rng.random() < 0.5 else {})
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
        candidates = by_split[split][0]
        selected = [
            r
            for r, w in zip(candidates, weights(candidates) * len(candidates), strict=True)
            if split == "val" or rng.random() < w
        ]
        for record in selected:
            add("photo", split, [{"path": str(record.path), "caption": record.caption}])
    for _ in range(SCENES if by_noun else 0):
        add("photo", "train", [scene(by_split["train"][0] or photos, by_noun)])
    return tasks


def run(photos: Path, paintings: Path, emoji: Path | None, state: Path, variants: int, seed: int = 0) -> None:
    """Render everything into `state/pictures.npy` (n, 256, 256, 3) uint8 and `state/pictures.json`.

    The photo of each rendering is written to `state/painted-from.npy`, which has the same shape.
    """
    if (state / "pictures.json").exists():
        return
    state.mkdir(parents=True, exist_ok=True)
    scanned = [scan(photos), scan(paintings), scan(emoji) if emoji else []]
    for name, folder, records in zip(("photos", "paintings"), (photos, paintings), scanned, strict=False):
        if len([r for r in records if r.split == "train"]) < PER_VARIANT:
            raise SystemExit(
                f"{name}: {folder} contains {len(records)} pictures, but at least {PER_VARIANT + 1} are needed"
            )
    tasks = plan(*scanned, variants, seed)
    total = tasks[-1]["row"] + len(tasks[-1]["contents"])
    shards = [str(state / name) for name in ("pictures.npy", "painted-from.npy")]
    for shard in shards:
        np.lib.format.open_memmap(shard, mode="w+", dtype=np.uint8, shape=(total, SIZE, SIZE, 3)).flush()
    rows: list[dict[str, Any]] = []
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for result in tqdm(
            pool.imap_unordered(_render_task, [t | {"shards": shards} for t in tasks], 8),
            total=len(tasks),
            mininterval=5,
        ):
            rows.extend(result)
    broken = Counter(row["broken"] for row in rows if "broken" in row)
    for path in sorted(broken):
        print(f"skipped, cannot be read: {path}")
    rows = sorted((row for row in rows if "row" in row), key=lambda row: row["row"])
    (state / "pictures.json.part").write_text(json.dumps(rows))
    (state / "pictures.json.part").replace(state / "pictures.json")
    print(f"{len(rows)} pictures of {len({r['manner'] for r in rows})} variants, {len(broken)} files skipped")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--emoji", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=2600, help="number of style variants to render")
    args = parser.parse_args()
    run(args.photos, args.paintings, args.emoji, args.state, args.variants)


if __name__ == "__main__":
    main()

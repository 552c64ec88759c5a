"""Paper: collage, cut paper, quilling, confetti, marbling."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import (
    blur,
    cells,
    circles,
    grey,
    kuwahara,
    paper,
    pick,
    polygons,
    quantise,
    scatter,
    smooth_noise,
    threads,
    warp,
)
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "torn paper collage",
    "pieces of torn paper",
    "ripped and glued paper",
    spacing=(13.0, 22.0),
    rag=(1.5, 3.5),
    white=(1.0, 2.4),
    jitter=(0.03, 0.1),
    shadow=(0.25, 0.5),
    keep=0.25,
)
def collage(rgb: Array, p: Params, rng: Rng) -> Array:
    index, rim, mean = cells(kuwahara(rgb, 5), p["spacing"], 0.38, rng)
    h, w = rim.shape
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    for scale in (5.0, 12.0):
        xx, yy = (x + p["rag"] * 0.6 * smooth_noise((h, w), scale, rng) for x in (xx, yy))
    near = np.stack([xx, yy], -1).astype(int).reshape(-1, 2)
    index, rim = pick(index, near).reshape(h, w), pick(rim, near).reshape(h, w)
    colour = np.clip(mean + rng.normal(0, p["jitter"], (len(mean), 1)), 0, 1)
    pulp = rng.choice([0.0, 1.0], len(mean), p=[0.35, 0.65]) * p["white"]
    edge = np.clip(pulp[index] + 0.5 - rim, 0, 1)[..., None]
    out = colour[index] + (0.95 - colour[index]) * edge
    top = rng.uniform(0, 1, len(mean))[index].astype(np.float32)
    cast = np.clip(np.roll(top, (2, 2), (0, 1)) - top, 0, 1) * 2
    fibre = 0.02 * paper((h, w), rng, 1.6)[..., None]
    return out * (1 - p["shadow"] * np.clip(blur(cast.astype(np.float32), 1.0), 0, 1)[..., None]) + fibre


@style("cut paper", "layered paper cut-out", held_out=True, radius=(9, 13), colours=(5, 8), shadow=(0.15, 0.4))
def papercut(rgb: Array, p: Params, rng: Rng) -> Array:
    flat = quantise(kuwahara(kuwahara(rgb, p["radius"]), p["radius"]), p["colours"], rng)
    tone = blur(grey(flat), 0.8)
    cast = np.roll(blur(tone, 2.0), (3, 3), (0, 1)) - tone
    return (
        flat * (1 - p["shadow"] * np.clip(cast * 6, -0.3, 1)[..., None])
        + 0.012 * paper(tone.shape, rng, 1.2)[..., None]
    )


@style(
    "paper quilling",
    "rolled paper curls",
    "spirals of paper strips",
    spacing=(10.0, 15.0),
    turns=(1.3, 1.9),
    light=(0.12, 0.3),
    jitter=(0.02, 0.07),
    keep=0.3,
)
def quilling(rgb: Array, p: Params, rng: Rng) -> Array:
    points = scatter(rgb.shape[:2], p["spacing"], rng, 0.25)
    n = len(points)
    radius = 0.56 * p["spacing"] * rng.uniform(0.85, 1.15, n)
    colour = pick(blur(rgb, 0.25 * p["spacing"]), points.astype(int)) + rng.normal(0, p["jitter"], (n, 3))
    canvas = np.ascontiguousarray(blur(rgb, 4) * 0.45, dtype=np.float32)
    t = np.linspace(0.15, 1, int(12 * p["turns"]))
    turn = 2 * np.pi * p["turns"] * t * rng.choice([-1, 1], n)[:, None] + rng.uniform(0, 6.28, (n, 1))
    curl = points[:, None] + np.stack([np.cos(turn), np.sin(turn)], -1) * (radius[:, None] * t)[..., None]
    thick = 2 if p["spacing"] > 11.5 else 1
    for centre, r, line, c in zip(points, radius, curl, np.clip(colour, 0, 1), strict=True):
        circles(canvas, centre[None], r, 0.65 * c[None])
        threads(canvas, line[None], thick, np.clip(0.85 * c[None] + p["light"], 0, 1))
    return blur(canvas, 0.5)


@style(
    "confetti",
    "scattered paper squares",
    "tilted chips of paper",
    side=(5.0, 9.0),
    tilt=(0.4, 1.6),
    jitter=(0.05, 0.14),
    shadow=(0.3, 0.7),
    boost=(1.1, 1.8),
)
def confetti(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(rgb)[..., None]
    vivid = np.clip(tone + (rgb - tone) * p["boost"], 0, 1)
    canvas = np.ascontiguousarray(blur(vivid, 4) * (1 - p["shadow"]), dtype=np.float32)
    points = scatter(rgb.shape[:2], 0.8 * p["side"], rng)
    n = len(points)
    colour = np.clip(pick(blur(vivid, 0.3 * p["side"]), points.astype(int)) + rng.normal(0, p["jitter"], (n, 3)), 0, 1)
    turn = rng.normal(0, p["tilt"], (n, 1)) + np.pi / 4 + np.arange(4) * np.pi / 2
    side = p["side"] * rng.uniform(0.5, 0.75, (n, 1, 1))
    square = points[:, None] + np.stack([np.cos(turn), np.sin(turn)], -1) * side
    pairs = np.stack([square + np.float64([1.2, 1.5]), square], 1).reshape(2 * n, 4, 2)
    polygons(canvas, pairs, np.stack([colour * (1 - p["shadow"]), colour], 1).reshape(2 * n, 3))
    return canvas


@style(
    "marbled paper",
    "combed marbling",
    held_out=True,
    amount=(9.0, 15.0),
    scale=(28.0, 45.0),
    pitch=(12.0, 20.0),
    comb=(30.0, 60.0),
    pull=(4.0, 12.0),
    light=(0.2, 0.45),
)
def marbling(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    height = np.dstack([rgb, yy]).astype(np.float32)
    bent = warp(height, p["amount"], p["scale"], rng)
    comb = p["pull"] * np.sin(2 * np.pi * xx / p["comb"])
    bent = cv2.remap(bent, xx + 6 * np.sin(yy / 11), yy + comb, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    phase = bent[..., 3] / p["pitch"] + 0.3 * smooth_noise((h, w), 40.0, rng)
    band = np.floor(3 * (phase % 1))[..., None]
    out = blur(bent[..., :3], 1.0)
    out = np.where(band == 0, out, np.where(band == 1, out * (1 - p["light"]), out + p["light"] * (1 - out)))
    return blur(out.astype(np.float32), 0.5)

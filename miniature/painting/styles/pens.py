"""Pen: hatching, ballpoint, stipple, scratchboard."""

from __future__ import annotations

import numpy as np

from miniature.painting.filters import (
    axes,
    blur,
    bristles,
    circles,
    edge_angle,
    grey,
    ink_lines,
    inks,
    paper,
    pick,
    smooth_noise,
    stretch,
    threads,
)
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "pen hatching",
    "cross-hatched ink lines",
    "engraved parallel lines",
    keep=0.0,
    pitch=(3.0, 5.5),
    base=(0.2, 2.9),
    ink=(0.1, 0.6),
    paper=(0.3, 0.9),
    wave=(0.0, 2.5),
)
def hatching(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 0.8)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    cover = np.zeros_like(tone)
    for turn, level in ((0.0, 0.8), (1.1, 0.5), (0.55, 0.27)):
        _, across = axes(tone.shape, p["base"] + turn)
        across = across + p["wave"] * smooth_noise(tone.shape, 50.0, rng)
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * across / p["pitch"])
        dark = np.clip((level - tone) * 2.2, 0, 1) * 0.65
        cover = np.maximum(cover, np.clip((wave - (1 - dark)) * 6, 0, 1))
    cover = np.maximum(cover, ink_lines(tone, 0.9, 1.0))[..., None]
    return ground + (ink - ground) * cover


@style(
    "ballpoint pen",
    "looping pen scribble",
    "scribbled loops of ballpoint",
    keep=0.0,
    pitch=(5.0, 8.0),
    loop=(4.0, 6.5),
    lean=(-0.5, 0.5),
    tint=[(0.1, 0.15, 0.6), (0.08, 0.08, 0.12), (0.6, 0.08, 0.15), (0.05, 0.35, 0.25), (0.35, 0.1, 0.5)],
    paper=(0.86, 0.98),
    wander=(1.0, 4.0),
)
def ballpoint(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 2.0)
    h, w = tone.shape
    bend = p["wander"] * smooth_noise(tone.shape, 50.0, rng)
    mask = np.zeros(tone.shape, np.uint8)
    t = np.arange(-4, w + 4, 0.35)
    for row in np.arange(0, h + p["pitch"], p["pitch"]):
        at = np.stack([t, np.full_like(t, row)], 1).astype(int)
        radius = 0.8 * p["pitch"] * np.clip(1.02 - pick(tone, at), 0.02, 1) ** 1.2
        phase = 2 * np.pi * t / p["loop"] + rng.uniform(0, 6)
        y = row + pick(bend, at) + radius * np.sin(phase)
        x = t + 0.8 * radius * np.cos(phase) + p["lean"] * (y - row)
        threads(mask, np.stack([x, y], 1)[None], 1, np.full((1, 1), 255))
    cover = np.maximum(mask.astype(np.float32) / 255, 0.8 * ink_lines(tone, 1.0, 1.0))
    sheet = p["paper"] * np.float32([1, 0.99, 0.95]) + 0.008 * paper(tone.shape, rng)[..., None]
    return sheet + (np.float32(p["tint"]) - sheet) * 0.9 * cover[..., None]


@style(
    "stippled ink", "ink stipple dots", held_out=True, keep=0.0, count=(6000, 10000), ink=(0.1, 0.5), paper=(0.4, 0.9)
)
def stipple(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    ink, ground = inks(rgb, p["ink"], p["paper"])
    points = rng.uniform(0, min(tone.shape), (p["count"], 2))
    keep = rng.random(len(points)) < (1 - pick(tone, points.astype(int))) ** 1.3
    mask = np.zeros(tone.shape, np.uint8)
    circles(mask, points[keep], 9 / 8, np.full((keep.sum(), 1), 255))
    return ground + (ink - ground) * (mask.astype(np.float32) / 255)[..., None]


@style("scratchboard", "white scratches on black", held_out=True, keep=0.3, pitch=(2.5, 4.0), tint=(0.0, 0.6))
def scratch(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    angle, _ = edge_angle(tone, 5.0)
    lines = bristles(angle + np.pi / 2, 14, rng, p["pitch"] * 0.4)
    light = np.clip((lines * 0.45 + tone - 0.62) * 6, 0, 1)[..., None]
    return 0.04 + light * (0.95 * (1 - p["tint"]) + p["tint"] * rgb)

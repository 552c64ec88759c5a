"""Dry media: pencil, coloured pencil, charcoal, pastel, chalk."""

from __future__ import annotations

import numpy as np

from miniature.painting.filters import blur, bristles, flow, grey, ink_lines, kuwahara, paper, smooth_noise, stretch
from miniature.painting.strokes import fresh_canvas, strokes
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "graphite pencil",
    "pencil drawing",
    "fine pencil shading",
    keep=0.0,
    base=(0.3, 2.8),
    line=(1.0, 2.5),
    tone=(0.3, 0.8),
    warm=(0.0, 0.1),
)
def pencil(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    angle = np.full(tone.shape, p["base"], np.float32)
    hatch = bristles(angle, 24, rng, 1.0)
    shade = np.clip((1 - tone) * p["tone"] * (1 + 0.7 * hatch), 0, 0.8)
    line = ink_lines(blur(tone, 0.6), 0.9, p["line"]) * np.clip(0.8 + 0.3 * paper(tone.shape, rng), 0, 1)
    out = 0.97 - np.maximum(shade, 0.75 * line) + 0.01 * paper(tone.shape, rng)
    return out[..., None] * np.float32([1, 1 - 0.5 * p["warm"], 1 - 1.6 * p["warm"]])


@style(
    "coloured pencil",
    "coloured pencil hatching",
    "crayon strokes",
    base=(0.3, 2.8),
    width=(1.6, 2.8),
    spacing=(1.5, 2.2),
    jitter=(0.02, 0.05),
    paper=(0.9, 0.98),
    long=(10.0, 22.0),
)
def crayon(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = np.full(rgb.shape[:2], p["base"], np.float32) + 0.25 * smooth_noise(rgb.shape[:2], 60.0, rng)
    ground = np.float32([1.0, 0.985, 0.95]) * p["paper"]
    canvas = fresh_canvas(rgb, ground)
    dark = np.clip(1.35 - grey(rgb), 0.15, 1)
    for turn in (0.0, 0.5):
        strokes(
            canvas,
            rgb,
            angle + turn,
            rng,
            width=p["width"],
            length=p["long"],
            spacing=p["width"] * p["spacing"],
            jitter=p["jitter"],
            detail=dark,
        )
    grain = np.clip(0.8 + 0.25 * paper(rgb.shape[:2], rng), 0, 1)[..., None]
    return ground + (canvas[..., :3] - ground) * grain


@style(
    "charcoal",
    "smudged charcoal",
    "rough black charcoal strokes",
    keep=0.0,
    base=(0.3, 2.8),
    gain=(0.7, 1.1),
    tooth=(0.1, 0.25),
    warm=(0.0, 0.12),
)
def charcoal(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(kuwahara(rgb, 5))) ** 0.8
    coarse = bristles(np.full(tone.shape, p["base"], np.float32), 18, rng, 2.0)
    tooth = paper(tone.shape, rng, 1.8)
    dark = (1 - tone) * p["gain"] + 0.5 * ink_lines(tone, 1.8, 1.2)
    dark = np.clip(dark * (1 + 0.35 * coarse) + p["tooth"] * tooth * np.sqrt(np.clip(dark, 0, 1)), 0, 0.95)
    out = 0.95 - 0.88 * dark
    return out[..., None] * np.float32([1, 1 - 0.5 * p["warm"], 1 - 1.6 * p["warm"]])


@style(
    "soft pastel",
    "chalky pastel strokes",
    "pastel on toothed paper",
    width=(2.0, 5.0),
    long=(4.0, 8.0),
    base=(0.3, 2.8),
    own=(0.5, 2.0),
    jitter=(0.02, 0.05),
    ground=(0.35, 0.95),
    tooth=(0.35, 0.9),
)
def pastel(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = flow(grey(rgb), rng, own=p["own"], scale=150.0, base=p["base"])
    canvas = fresh_canvas(rgb, 0.5 * p["ground"] + 0.5 * rgb.mean((0, 1)))
    strokes(
        canvas,
        rgb,
        angle,
        rng,
        width=p["width"],
        length=p["long"] * p["width"],
        spacing=p["width"] * 1.1,
        jitter=p["jitter"],
    )
    tooth = paper(rgb.shape[:2], rng, 1.6) + 0.8 * bristles(angle, 6, rng)
    cover = 1 / (1 + np.exp(-(tooth + 1.1) / (0.6 - 0.4 * p["tooth"])))
    ground = 0.5 * p["ground"] + 0.5 * rgb.mean((0, 1))
    return ground + (canvas[..., :3] - ground) * cover[..., None]


@style(
    "chalk on a blackboard",
    "white chalk on black",
    "chalk drawing on slate",
    keep=0.2,
    line=(1.0, 2.5),
    tone=(0.2, 0.6),
    board=(0.05, 0.2),
    base=(0.3, 2.8),
    colour=(0.0, 1.0),
)
def chalk(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    soft = blur(kuwahara(rgb, 5).mean(-1), 1.0)
    line = ink_lines(1 - soft, 1.6, 0.7 * p["line"]) + ink_lines(soft, 1.6, 0.7 * p["line"])
    hatch = bristles(np.full(tone.shape, p["base"], np.float32), 20, rng, 1.4)
    dust = np.clip(tone**1.3 * p["tone"] * (1 + 0.8 * hatch), 0, 1) + line * np.clip(
        0.6 + 0.5 * paper(tone.shape, rng), 0, 1.2
    )
    board = p["board"] * np.float32([0.9, 1.0, 0.95])
    stick = 0.95 * (1 - p["colour"]) + p["colour"] * np.clip(rgb / (rgb.max(-1, keepdims=True) + 0.05), 0, 1)
    return board + (stick - board) * np.clip(dust, 0, 1)[..., None]

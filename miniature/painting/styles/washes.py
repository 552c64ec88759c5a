"""Water-based paint: watercolour, gouache, ink wash."""

from __future__ import annotations

import numpy as np

from miniature.painting.filters import blur, grey, ink_lines, kuwahara, paper, quantise, smooth_noise, warp
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "watercolour washes",
    "watercolour on rough paper",
    "transparent washes",
    radius=(5, 11),
    colours=(6, 14),
    bleed=(1.0, 3.0),
    edge=(0.4, 1.2),
    grain=(0.01, 0.04),
    white=(0.1, 0.45),
)
def watercolour(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = quantise(kuwahara(rgb, p["radius"]), p["colours"], rng)
    smooth = blur(warp(smooth, p["bleed"], 8.0, rng), 0.8)
    tone = grey(smooth)
    rim = np.clip(blur(tone, 2.5) - tone, 0, 1) + 0.5 * np.abs(tone - blur(tone, 1.2))
    pigment = 1 - p["edge"] * rim * 2 + 0.06 * smooth_noise(tone.shape, 22.0, rng)
    out = 1 - (1 - smooth) * (1 - p["white"]) ** 0.6
    return out * pigment[..., None] + p["grain"] * paper(tone.shape, rng, 2.2)[..., None]


@style(
    "flat gouache",
    "flat poster colours",
    "broad flat shapes",
    radius=(7, 13),
    colours=(4, 9),
    wobble=(0.5, 2.0),
    boost=(1.0, 1.5),
)
def gouache(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(rgb)[..., None]
    flat = quantise(
        kuwahara(kuwahara(np.clip(tone + (rgb - tone) * p["boost"], 0, 1), p["radius"]), p["radius"]), p["colours"], rng
    )
    return blur(warp(flat, p["wobble"], 14.0, rng), 0.6) + 0.008 * paper(flat.shape[:2], rng)[..., None]


@style(
    "ink wash",
    "sumi ink on paper",
    "brushed black ink",
    keep=0.0,
    radius=(5, 11),
    tones=(3, 6),
    line=(0.5, 1.5),
    warm=(0.0, 0.08),
    wet=(1.0, 3.0),
)
def inkwash(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(kuwahara(rgb, p["radius"]))
    tone = (tone - tone.min()) / (np.ptp(tone) + 1e-6)
    step = np.round(tone * (p["tones"] - 1)) / (p["tones"] - 1)
    wash = 0.35 + 0.65 * blur(warp(step, p["wet"], 7.0, rng), p["wet"] * 0.6)
    line = ink_lines(warp(blur(tone, 1.0), 1.0, 12.0, rng), 1.6, p["line"])
    out = wash * (1 - 0.9 * line) + 0.015 * paper(tone.shape, rng, 2.0)
    return out[..., None] * np.float32([1.0, 1.0 - 0.4 * p["warm"], 1.0 - 1.5 * p["warm"]])

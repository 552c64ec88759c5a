"""Prints: woodcut, linocut, Japanese woodblock, etching, copper engraving."""

from __future__ import annotations

import numpy as np

from miniature.painting.filters import (
    axes,
    blur,
    bristles,
    edge_angle,
    flow,
    grey,
    ink_lines,
    inks,
    kuwahara,
    quantise,
    smooth_noise,
    stretch,
)
from miniature.painting.strokes import fresh_canvas, strokes
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "woodcut",
    "carved woodcut lines",
    "wavy black woodcut",
    keep=0.0,
    pitch=(4.0, 8.0),
    base=(-0.4, 0.4),
    wave=(2.0, 7.0),
    ink=(0.0, 0.5),
    paper=(0.0, 0.7),
    follow=(0.0, 6.0),
)
def woodcut(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.2)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    _, across = axes(tone.shape, p["base"])
    phase = across + p["wave"] * smooth_noise(tone.shape, 40.0, rng) + p["follow"] * 3 * blur(tone, 4.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase / p["pitch"])
    white = np.clip((tone - 0.25 + 0.55 * (wave - 0.5)) * 7, 0, 1) * (1 - ink_lines(tone, 1.4, 1.5))
    return ink + (ground - ink) * white[..., None]


@style(
    "linocut",
    "bold linocut",
    "two-colour carved print",
    keep=0.1,
    pitch=(4.0, 7.0),
    ink=(0.0, 0.5),
    paper=(0.0, 0.7),
    radius=(4, 8),
    mid=[0, 1],
)
def linocut(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(kuwahara(rgb, p["radius"]))), 1.0)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    angle, _ = edge_angle(tone, 6.0)
    cut = bristles(angle, 20, rng, p["pitch"] * 0.45)
    bold = np.clip((tone - 0.5) * 12 + 0.5 + 1.3 * cut * (np.abs(tone - 0.5) < 0.28), 0, 1)[..., None]
    out = ink + (ground - ink) * bold
    if p["mid"]:
        flat = quantise(rgb, 3, rng)
        out = ink + (flat * 0.7 + 0.3 * ground - ink) * bold
    return out


@style(
    "Japanese woodblock print",
    "ukiyo-e with dark contours",
    "flat muted colours in fine contours",
    radius=(5, 9),
    colours=(5, 9),
    mute=(0.5, 0.9),
    line=(0.8, 2.0),
    grain=(0.01, 0.04),
)
def ukiyoe(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = kuwahara(rgb, p["radius"])
    flat = quantise(smooth, p["colours"], rng)
    tone = grey(flat)[..., None]
    flat = (tone + (flat - tone) * p["mute"]) * 0.8 + np.float32([0.19, 0.17, 0.12])
    wood = bristles(np.full(tone.shape[:2], 0.05, np.float32), 60, rng, 1.2) * p["grain"]
    line = ink_lines(grey(smooth), 1.0, p["line"])[..., None]
    return (flat + wood[..., None]) * (1 - line) + line * np.float32([0.1, 0.1, 0.16])


@style(
    "etching",
    "etched plate of curved lines",
    "acid-bitten lines around the forms",
    keep=0.0,
    spacing=(4.2, 6.0),
    long=(9.0, 18.0),
    own=(0.1, 0.6),
    base=(0.0, 3.14),
    ink=(0.0, 0.5),
    paper=(0.3, 0.9),
    tone=(0.0, 0.3),
)
def etching(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.0)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    angle = flow(tone, rng, own=p["own"], scale=70.0, base=p["base"])
    canvas = fresh_canvas(rgb, ground - p["tone"] * (1 - blur(tone, 3.0))[..., None] * (ground - ink))
    ink_plate = np.broadcast_to(ink.astype(np.float32), rgb.shape)
    for turn, level, wide in ((0.0, 0.95, 1.0), (0.9, 0.55, 1.0), (1.7, 0.26, 1.4)):
        strokes(
            canvas,
            ink_plate,
            angle + turn,
            rng,
            width=wide,
            length=p["long"],
            spacing=p["spacing"],
            jitter=0.03,
            detail=np.clip((level - tone) * 1.8, 0, 1),
            bend=2,
        )
    return blur(canvas[..., :3], 0.45)


@style(
    "copper engraving",
    "swelling engraved contour lines",
    held_out=True,
    keep=0.0,
    pitch=(3.5, 5.0),
    ink=(0.1, 0.5),
    paper=(0.3, 0.8),
)
def engraving(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.0)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    h, w = tone.shape
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    cx, cy = rng.uniform(-0.3, 1.3, 2) * (w, h)
    radius = np.hypot(xx - cx, yy - cy) + 10 * blur(tone, 6.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * radius / p["pitch"])
    cover = np.clip((wave - tone * 1.05) * 5 + 0.3, 0, 1)[..., None]
    return ground + (ink - ground) * cover

"""Stubble, moustaches, goatees and full beards."""

from __future__ import annotations

import numpy as np

from miniature.avatars.data.attributes import Attributes, Rng
from miniature.avatars.drawing.anatomy import Anatomy
from miniature.avatars.drawing.canvas import Canvas, mirror, moved, swell
from miniature.avatars.drawing.colours import INK, mix
from miniature.avatars.drawing.hair.strands import guides, mass
from miniature.painting.shapes import Array, curve


def beard(canvas: Canvas, body: Anatomy, a: Attributes, table: Array, rng: Rng, face: Array) -> None:
    """The beard, before the mouth is drawn over it."""
    if a.beard == "stubble":
        _stubble(canvas, body, table, rng, face)
    if a.beard == "full":
        _full(canvas, body, table, rng)
    if a.beard == "goatee":
        _goatee(canvas, body, table, rng)


def _stubble(canvas: Canvas, body: Anatomy, table: Array, rng: Rng, face: Array) -> None:
    m = body.mouth
    upper = curve(
        [
            (0.5 - body.width, 0.60),
            (0.36, 0.685),
            (m.x - 0.07, 0.672),
            (m.x, 0.662),
            (m.x + 0.07, 0.672),
            (0.64, 0.685),
            (0.5 + body.width, 0.60),
        ],
        40,
    )
    shape = np.concatenate([upper, [(0.9, 1.0), (0.1, 1.0)]])
    clip = face * canvas.area(shape, soft=0.012)
    shadow = mix(table[30], INK, 0.55)  # stubble is dark for every hair colour
    canvas.fill(shape, shadow, 0.26, soft=0.014, clip=face)
    bristles = [
        swell([p, moved(p, 0.002, 0.006)], (0.004, 0.003)) for p in rng.uniform((0.25, 0.64), (0.75, 0.9), (240, 2))
    ]
    canvas.fill(bristles, shadow, 0.40, clip=clip)


def _full(canvas: Canvas, body: Anatomy, table: Array, rng: Rng) -> None:
    m, w = body.mouth, body.width
    low = body.chin + 0.055
    inner = [
        (0.5 + w - 0.012, 0.545),
        (0.5 + w - 0.030, 0.615),
        (m.x + 0.135, 0.672),
        (m.x + 0.075, 0.664),
        (m.x, 0.668),
    ]
    outer = [
        (0.5 + w + 0.004, 0.54),
        (0.5 + w + 0.012, 0.64),
        (0.5 + w - 0.02, 0.76),
        (0.5 + 0.14, low - 0.028),
        (0.5 + 0.05, low),
        (0.5, low + 0.004),
    ]
    right = np.concatenate([curve(inner, 24)[::-1], curve(outer, 34)])
    tips = right.copy()
    tips[30::3, 1] += rng.uniform(0.0, 0.012, len(tips[30::3]))
    outline = np.concatenate([tips, mirror(right)])
    lines = guides(
        *[[(0.5 + x0, y0), (0.5 + x0 * 0.98, 0.5 * (y0 + low) + 0.01), (0.5 + x1, y1)] for x0, y0, x1, y1 in (
            (-w, 0.53, -w + 0.01, 0.76), (-w + 0.05, 0.63, -0.17, 0.86), (-0.12, 0.66, -0.09, low),
            (0.0, 0.66, 0.0, low + 0.01),
            (0.12, 0.66, 0.09, low), (w - 0.05, 0.63, 0.17, 0.86), (w, 0.53, w - 0.01, 0.76))]
    )  # fmt: skip
    mass(canvas, outline, lines, table, rng, 110, shine=0.52, gloss=0.7, wave=0.004)
    _lip_gap(canvas, body, table)


def _lip_gap(canvas: Canvas, body: Anatomy, table: Array) -> None:
    m = body.mouth
    above, _, _, below = m.edges(np.linspace(-1, 1, 25))
    hole = np.concatenate([above - [0, 0.004], moved(below, 0, 0.006)[::-1]])
    canvas.fill(hole, table[20], 0.75, soft=0.004)


def _goatee(canvas: Canvas, body: Anatomy, table: Array, rng: Rng) -> None:
    """A goatee on the chin, as wide as the mouth, up to the lower lip."""
    x, bottom, low = body.mouth.x, body.mouth.edges(np.zeros(1))[3][0, 1] + 0.006, body.chin + 0.046
    side = 0.5 * (bottom + body.chin)
    right = curve(
        [(x, bottom), (x + 0.030, bottom + 0.008), (x + 0.072, side - 0.012), (x + 0.114, side + 0.008),
         (x + 0.108, side + 0.045), (x + 0.070, low - 0.022), (x + 0.030, low - 0.008), (x, low - 0.006)], 40,
    )  # fmt: skip
    right[28::3, 1] += rng.uniform(0, 0.008, 4)
    lines = guides(
        *[
            [(x + 0.06 * k, bottom), (x + 0.11 * k, side + 0.02), (x + 0.05 * k, low + 0.012)]
            for k in (-1, -0.4, 0.4, 1)
        ]
    )
    mass(canvas, np.concatenate([right, mirror(right, x)]), lines, table, rng, 50, shine=0.5, gloss=0.6, edge=0.3)


def moustache(canvas: Canvas, body: Anatomy, a: Attributes, table: Array, rng: Rng) -> None:
    if a.beard not in ("moustache", "full"):
        return
    m = body.mouth
    top = m.edges(np.array([-0.5, 0.0, 0.5]))[0][:, 1].min()
    root, half = 0.650, 0.124 if a.beard == "moustache" else 0.104
    foot = max(min(top, 0.712), root + 0.036)
    for side in (-1, 1):
        tip = (m.x + side * half, root + 0.020)
        upper = curve([(m.x, root), (m.x + side * 0.040, root - 0.001), (m.x + side * 0.088, root + 0.032), tip], 20)
        lower = curve(
            [(m.x, foot - 0.012), (m.x + side * 0.036, foot + 0.004), (m.x + side * 0.088, root + 0.060), tip], 20
        )
        lines = np.stack([upper, 0.5 * (upper + lower), lower])
        mass(canvas, np.concatenate([upper, lower[::-1]]), lines, table, rng, 26, shine=0.35)

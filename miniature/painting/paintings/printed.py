"""Prints: engraving and colour woodblock."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, bristles, paper, smooth_noise
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    curve,
    disc,
    grid,
    lay,
    oval,
    ramp,
    rgb,
    ridge,
    taper,
    trace,
)


def fjord(rng: Rng) -> Array:
    """Mountains and a low sun, engraved in dark green on cream with one colour plate."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    tone = np.clip(0.95 - 0.25 * yy / SIZE, 0, 1)
    cover = np.ones((SIZE, SIZE, 3), np.float32) * rgb("#f2e6c8")
    cv2.circle(cover, (340, 170), 62, rgb("#d9552f").tolist(), -1)
    tone[np.hypot(xx - 340, yy - 170) < 62] = 0.93
    for base, height, scale, level in ((230, 44, 120, 0.62), (290, 52, 90, 0.42), (338, 22, 160, 0.24)):
        line = ridge(rng, base, height, scale)
        ground = yy > line[None]
        slope = np.gradient(blur(line[None].astype(np.float32), 2)[0])
        tone[ground] = np.clip(
            level + 0.3 * np.sign(slope)[None] * np.abs(slope)[None] ** 0.5 + 0.1 * smooth_noise((SIZE, SIZE), 14, rng),
            0.05,
            0.9,
        )[ground]
        cover[ground] = rgb("#f2e6c8") + 0.4 * (1 - level) * (rgb("#5d8a76") - rgb("#f2e6c8"))
    water = yy > 372
    tone[water] = (0.72 - 0.5 * (np.sin(yy / 3.2 + 2 * smooth_noise((SIZE, SIZE), 40, rng)) > 0.35))[water]
    cover[water] = rgb("#a9c8bd")
    glint = water & (np.abs(xx - 340) < 20 + (yy - 372) * 0.28) & (np.sin(yy / 4.5) > 0)
    cover[glint] = rgb("#e58a5c")
    phase = yy * 1.0 + 7 * smooth_noise((SIZE, SIZE), 70, rng) + 26 * blur(tone, 12.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase / 8.5)
    ink = np.clip((wave - blur(tone, 1.0) * 1.15 + 0.12) * 4.5, 0, 1)[..., None]
    for x in (60, 92, 118, 420, 452, 486):
        h = rng.uniform(90, 150)
        for k in range(6):
            y, w = 400 - h + k * h / 6, 8 + k * 5
            cv2.fillPoly(ink, [np.int32([(x, y - 14), (x - w, y + h / 6), (x + w, y + h / 6)])], 0.96)
    return cover + (rgb("#1d3b3a") - cover) * ink


def wave(rng: Rng) -> Array:
    """A breaking wave and a distant white mountain in flat blues with dark contours and a graded sky."""
    yy, xx = grid()
    line = "#16264f"
    print_ = ramp(yy / 400, "#5f7f93", "#d9cfae", "#efe3c2", "#f0dcb4")
    lay(print_, area([(266, 372), (352, 292), (372, 284), (392, 294), (480, 372)]), "#3d5f86")
    lay(
        print_,
        area(
            [
                (331, 311),
                (352, 292),
                (372, 284),
                (392, 294),
                (414, 312),
                (398, 308),
                (386, 326),
                (374, 310),
                (362, 330),
                (350, 310),
            ]
        ),
        "#f6f0dd",
    )
    lay(print_, disc(438, 108, 34), "#d9563a")
    sea = yy > 366 + 5 * np.sin(xx / 23)
    lay(print_, sea.astype(np.float32), "#5b8fb0")
    for x, y in ((436, 420), (292, 398)):
        _skiff(print_, x, y, line)
    # Two curves from the tip of the wave, its hollow and its back; the area between them has stripes along both.
    hollow = curve(
        [(330, 196), (288, 186), (246, 214), (226, 268), (236, 330), (280, 392), (360, 440), (520, 470)], 120
    )
    back = curve([(330, 196), (318, 142), (262, 96), (188, 84), (112, 118), (58, 190), (22, 300), (-40, 560)], 120)
    body = np.concatenate([hollow, [(520, 560), (-40, 560)], back[::-1]])
    lay(print_, area(body), "#1f4f8c")
    for k, s in enumerate(np.linspace(0.1, 0.9, 7)):
        mid = (1 - s) * hollow[6:] + s * back[6:]
        lay(print_, area(taper(mid, 3, 30)), ("#8fc0d2", "#e9e6d2", "#4f86b3")[k % 3])
        lay(print_, trace(taper(mid, 3, 30), 2), line)
    lay(print_, trace(hollow, 4), line)
    swell = curve([(-20, 470), (60, 430), (150, 456), (240, 494), (330, 484), (420, 446), (540, 486)], 120)
    lay(print_, area(np.concatenate([swell, [(540, 560), (-20, 560)]])), "#173a70")
    for k in range(1, 4):
        lay(print_, area(taper(swell + np.array([0, 17.0 * k]), 6, 3)), ("#8fc0d2", "#4f86b3")[k % 2])
    _foam(print_, np.concatenate([back[:74], hollow[:22]]), 15, line, rng, (0.0, 4.0))
    _claws(print_, back[4:64:6], line, rng)
    _foam(print_, swell, 8, line, rng, (0.0, -4.0))
    lay(print_, trace(swell + np.array([0, 7.0]), 2), line)
    for _ in range(70):
        x, y, r = rng.uniform(210, 420), 0.0, rng.uniform(1.8, 4.6)
        y = 160 + 0.35 * (x - 210) + rng.normal(0, 46)
        lay(print_, disc(x, y, r + 1.3), line, 0.75)
        lay(print_, disc(x, y, r), "#f6f0dd")
    lay(print_, trace([(14, 14), (498, 14), (498, 498), (14, 498)], 3, closed=True), line, 0.9)
    grain = bristles(np.full((SIZE, SIZE), 0.03, np.float32), 60, rng, 1.6)
    return print_ + 0.012 * grain[..., None] + 0.012 * paper((SIZE, SIZE), rng, 2.0)[..., None]


def _foam(print_: Array, path: Array, size: float, line: str, rng: Rng, shift: tuple[float, float]) -> None:
    """Foam along a crest: dark discs first, then slightly smaller white ones, so that a contour remains."""
    spots = (
        path[:: max(1, len(path) // 46)]
        + shift
        + rng.normal(0, 0.35 * size, (len(path[:: max(1, len(path) // 46)]), 2))
    )
    radii = size * rng.uniform(0.55, 1.1, len(spots))
    for grow, code in ((2.6, line), (0.0, "#f6f0dd")):
        lay(print_, area(*[oval(x, y, r + grow) for (x, y), r in zip(spots, radii, strict=True)]), code)
    for (x, y), r in zip(spots[::2], radii[::2], strict=True):
        arc = oval(x + 0.2 * r, y + 0.2 * r, 0.55 * r)[2:26]
        lay(print_, trace(arc, 2), "#7fb0c8")


def _claws(print_: Array, roots: Array, line: str, rng: Rng) -> None:
    """Fingers of foam that hook forward and down."""
    for x, y in roots:
        size = rng.uniform(0.8, 1.25)
        hook = curve(
            [(x, y), (x + 26 * size, y + 3), (x + 42 * size, y + 20 * size), (x + 38 * size, y + 38 * size)], 30
        )
        for grow, code in ((5.0, line), (0.0, "#f6f0dd")):
            lay(print_, area(taper(hook, 17 * size + grow, 3 + grow)), code)


def _skiff(print_: Array, x: float, y: float, line: str) -> None:
    """A long open boat with rowers bent over."""
    hull = curve([(x - 66, y - 16), (x - 30, y + 6), (x + 30, y + 8), (x + 74, y - 22)], 40)
    for px in range(-30, 40, 17):
        lay(print_, disc(x + px, y - 6, 8, 9), "#28406e")
        lay(print_, disc(x + px + 5, y - 15, 4.5), "#e8c9a0")
    outline = np.concatenate([hull, [(x + 60, y - 8), (x, y - 2), (x - 44, y - 6)]])
    lay(print_, area(outline), "#d8ab62")
    lay(print_, trace(outline, 2, closed=True), line)

"""Dye: felt-tip pen, whose overlapping ink multiplies, and batik, whose wax resists the dye."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import axes, blur, bristles, cells, paper, smooth_noise, warp
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    cloudy,
    curve,
    disc,
    grid,
    lay,
    leaf,
    oval,
    ramp,
    rgb,
    taper,
    trace,
)


def mesa(rng: Rng) -> Array:
    """Cacti, rocks and a large sun in felt-tip: every area has its own hatching, and overlapping ink is darker."""
    sheet = np.ones((SIZE, SIZE, 3), np.float32) * rgb("#fbf8f0")
    rest, outlines = np.ones((SIZE, SIZE), np.float32), []
    # From front to back; shapes in front mask those that follow.
    shapes: list[tuple[Array, str, float]] = []
    for x, y, s in ((122, 452, 1.0), (420, 478, 1.3), (300, 408, 0.5)):
        arms = [
            taper(curve([(x, y), (x, y - 90 * s), (x, y - 190 * s)]), 46 * s, 38 * s),
            taper(curve([(x + 16 * s, y - 70 * s), (x + 56 * s, y - 74 * s), (x + 62 * s, y - 100 * s),
                         (x + 62 * s, y - 136 * s)]), 26 * s, 24 * s),
            taper(curve([(x - 16 * s, y - 96 * s), (x - 52 * s, y - 100 * s), (x - 58 * s, y - 124 * s),
                         (x - 58 * s, y - 160 * s)]), 26 * s, 22 * s),
            oval(x, y - 190 * s, 19 * s), oval(x + 62 * s, y - 136 * s, 12 * s), oval(x - 58 * s, y - 160 * s, 11 * s),
        ]  # fmt: skip
        shapes.append((area(*arms), "#2f9e5b", 1.45))
    dune = np.concatenate(
        [curve([(-20, 452), (120, 430), (260, 462), (400, 452), (540, 420)]), [(540, 560), (-20, 560)]]
    )
    plain = np.concatenate([curve([(-20, 398), (150, 380), (330, 392), (540, 372)]), [(540, 560), (-20, 560)]])
    shapes += [(area(dune), "#f0a63c", 0.15), (area(plain), "#f6cf62", -0.25)]
    rocks = [(-20, 396), (-20, 250), (30, 244), (58, 250), (70, 312), (120, 322), (160, 330), (196, 396)]
    butte = [(300, 396), (322, 318), (338, 226), (352, 214), (396, 210), (430, 222), (442, 300), (480, 330), (500, 396)]
    for rock, split in ((rocks, 34), (butte, 408)):
        shade = area(rock) * area(
            [
                (split, 180),
                (split + 14, 300),
                (split - 8, 420),
                (540 if split > 200 else 260, 420),
                (540 if split > 200 else 260, 180),
            ]
        )
        shapes += [(shade, "#a83a4a", 1.2), (area(rock), "#e8643c", -0.6)]
    far = np.concatenate(
        [curve([(-20, 362), (100, 340), (220, 352), (330, 336), (540, 350)]), [(540, 460), (-20, 460)]]
    )
    shapes.append((area(far), "#8e5aa8", 0.5))
    shapes.append((disc(228, 196, 84), "#f2553f", 0.78))
    shapes.append((disc(228, 196, 122), "#fbb03b", 0.78))
    for cloud in ((70, 96), (420, 132)):
        puffs = [
            oval(cloud[0] + dx, cloud[1] + dy, r)
            for dx, dy, r in ((-42, 8, 20), (-12, -6, 28), (22, -2, 24), (48, 10, 17))
        ]
        shapes.append((area(*puffs), "#fbf8f0", 0.0))
    shapes.append((np.ones((SIZE, SIZE), np.float32), "#3fb0d8", 0.06))
    for mask, code, turn in shapes:
        seen = rest * mask
        rest = rest * (1 - mask)
        sheet = _hatched(sheet, seen, code, turn, rng)
        outlines.append(np.abs(cv2.Laplacian(blur(seen, 1.2), cv2.CV_32F)))
    for x, y, s in ((122, 452, 1.0), (420, 478, 1.3), (300, 408, 0.5)):
        for dx in (-9, 2, 12):
            path = curve([(x + dx * s, y - 20 * s), (x + dx * s + 2, y - 100 * s), (x + 0.8 * dx * s, y - 186 * s)])
            lay(sheet, trace(path, 2.6 * s + 0.6), "#175a3a")
    contour = np.clip(8 * np.maximum.reduce(outlines), 0, 1)
    contour = np.clip(2.2 * blur(cv2.dilate(contour, np.ones((3, 3), np.uint8)), 1.2) - 0.5, 0, 1)
    lay(sheet, contour * np.clip(1.1 + 0.15 * paper((SIZE, SIZE), rng, 2), 0, 1), "#1a1a26", 0.96)
    return sheet


def _hatched(sheet: Array, mask: Array, code: str, turn: float, rng: Rng) -> Array:
    """A mask filled with parallel pen lines; ink multiplies, so overlaps are darker."""
    wobble = 1.6 * smooth_noise((SIZE, SIZE), 90, rng)
    _, across = axes((SIZE, SIZE), turn)
    phase = (across + wobble) / 10.5
    number = np.floor(phase).astype(int)
    strength = rng.uniform(0.62, 1.0, number.max() - number.min() + 1)[number - number.min()]
    within = np.abs(phase - number - 0.5)
    pen = np.clip((0.47 - within) * 9, 0, 1) * strength + 0.4 * np.clip((within - 0.40) * 10, 0, 1)
    streak = 1 + 0.05 * bristles(np.full((SIZE, SIZE), turn, np.float32), 24, rng, 1.2)
    cover = np.clip(mask * (0.06 + 0.94 * pen) * streak, 0, 1)[..., None]
    return sheet * (1 - cover * (1 - rgb(code)))


def koi(rng: Rng) -> Array:
    """A batik of carp under lily pads: lines of wax stay pale, and dark dye enters through cracks in the wax."""
    yy, xx = grid()
    rings = np.hypot(xx - 150, yy - 400) / 15 + 0.9 * smooth_noise((SIZE, SIZE), 90, rng)
    cloth = ramp(np.clip(0.5 + 0.22 * cloudy(rng, 150), 0, 1), "#0f3d5c", "#1a6a80", "#2f9a9a")
    cloth *= 0.92 + 0.1 * (np.sin(2 * np.pi * rings / 2.4) > 0.1)[..., None]
    wax = np.zeros((SIZE, SIZE), np.float32)
    for x, y, r in ((150, 400, 26), (150, 400, 52), (150, 400, 82), (410, 96, 24), (410, 96, 48)):
        wax = np.maximum(wax, 0.55 * trace(oval(x, y, r + 4, r * 0.92), 3))
    for points, size, ground in (
        ([(74, 76), (150, 90), (210, 150), (246, 220), (318, 262)], 1.0, "#f4efe0"),
        ([(452, 470), (388, 440), (330, 398), (300, 346), (330, 288)][::-1], 0.9, "#f2a03a"),
        ([(120, 300), (92, 250), (104, 190), (84, 140)][::-1], 0.66, "#e2502f"),
    ):
        _carp(cloth, wax, curve(points, 60), size, ground, rng)
    for x, y, r, cut in (
        (420, 180, 74, 2.4),
        (478, 288, 48, 3.3),
        (52, 440, 62, 5.4),
        (240, 470, 44, 4.4),
        (300, 52, 46, 1.4),
    ):
        t = np.linspace(cut + 0.28, cut + 6.0, 60)
        pad = np.stack([x + r * np.cos(t), y + 0.94 * r * np.sin(t)], 1)
        pad = np.concatenate([pad, [(x, y)]])
        tone = np.clip(0.45 + 0.2 * cloudy(rng, 40) + 0.35 * (1 - np.hypot(xx - x, yy - y) / r), 0, 1)
        lay(cloth, area(pad), ramp(tone, "#1f5b3c", "#4f9a4a", "#a9c95a"))
        wax = np.where(area(pad) > 0.5, 0, wax)
        wax = np.maximum(wax, trace(pad, 4, closed=True))
        for a in np.linspace(cut + 0.7, cut + 5.6, 8):
            wax = np.maximum(wax, area(taper([(x, y), (x + 0.86 * r * np.cos(a), y + 0.82 * r * np.sin(a))], 3.4, 1.6)))
    for x, y, r in ((392, 168, 44), (66, 430, 34)):
        for ring, (n, tint) in enumerate(((9, "#e2608c"), (8, "#f48fae"), (6, "#fbd0d8"))):
            for a in np.arange(n) * 2 * np.pi / n + 0.3 * ring:
                petal = leaf(x, y, r * (1 - 0.24 * ring), 0.5 * r * (1 - 0.2 * ring), a)
                wax = np.where(area(petal) > 0.5, 0, wax)
                lay(cloth, area(petal), tint)
                wax = np.maximum(wax, trace(petal, 2.4, closed=True))
        lay(cloth, disc(x, y, 0.18 * r), "#f6c534")
    lay(cloth, blur(wax, 0.7), "#f6efd8", 0.92)
    _, crack, _ = cells(cloth, 46, 0.5, rng)
    crack = warp(crack, 6.0, 16, rng)
    veins = np.clip(2.2 - crack, 0, 1) * np.clip(0.8 + 0.6 * smooth_noise((SIZE, SIZE), 60, rng), 0, 1)
    lay(cloth, 0.85 * blur(veins, 0.7), "#0a2238")
    weave = 0.02 * (np.sin(xx * 2.1) * np.sin(yy * 2.1))
    return cloth * (1 + 0.05 * cloudy(rng, 30))[..., None] + weave[..., None]


def _carp(cloth: Array, wax: Array, spine: Array, size: float, ground: str, rng: Rng) -> None:
    """One fish seen from above along its spine, head first; its outlines are added to ``wax``."""
    t = np.linspace(0, 1, len(spine))
    half = size * 38 * np.sqrt(np.clip(t, 0, 1)) * np.clip(1.35 * (1 - t), 0.0, 1) ** 0.75 + 4 * size
    along = np.gradient(spine, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.stack([-along[:, 1], along[:, 0]], 1)
    body = np.concatenate([spine + side * half[:, None], (spine - side * half[:, None])[::-1]])
    heading = [np.arctan2(v[1], v[0]) for v in along]
    fins = []
    for at, long, wide, spread in ((16, 62, 34, 0.75), (34, 38, 20, 0.6)):
        fins += [
            leaf(*(spine[at] + s * side[at] * half[at] * 0.7), long * size, wide * size, heading[at] + s * spread)
            for s in (-1, 1)
        ]
    fins += [leaf(*spine[-3], 78 * size, 30 * size, heading[-1] + s) for s in (-0.42, 0.0, 0.42)]
    shadow = np.roll(area(body, *fins), (12, 9), (0, 1))
    lay(cloth, blur(shadow, 3), "#0a2f49", 0.55)
    lay(cloth, area(*fins), "#f7d9b8")
    for fin in fins:
        np.maximum(wax, trace(fin, 2.6, closed=True), out=wax)
    mask = area(body)
    wax *= 1 - mask
    lay(cloth, mask, ground)
    tone = blur(mask, 9 * size)
    spots = (cloudy(rng, 60 * size) > 0.25) * mask
    lay(cloth, blur(spots.astype(np.float32), 1), "#e2502f" if ground != "#e2502f" else "#3a2430")
    lay(cloth, mask * np.clip(0.85 - tone, 0, 1), "#5a2b2b", 0.7)
    for k in range(12, 52, 4):
        for s in np.linspace(-0.62, 0.62, 4) + 0.16 * (k % 8 == 0):
            c = spine[k] + s * side[k] * half[k]
            arc = oval(c[0], c[1], 7 * size, 6 * size, heading[k] + 1.57)[2:30]
            np.maximum(wax, 0.45 * trace(arc, 2), out=wax)
    np.maximum(wax, trace(body, 3.4, closed=True), out=wax)
    for s in (-1, 1):
        eye = spine[5] + s * side[5] * half[5] * 0.8
        lay(cloth, disc(*eye, 5 * size), "#121c2c")

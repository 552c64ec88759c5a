"""Planes: coloured squares, cubist facets."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, bristles, relief, smooth_noise
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
    oval,
    rgb,
    sky,
    taper,
    trace,
)
from miniature.painting.strokes import strokes


def town(rng: Rng) -> Array:
    """A hill town by moonlight made of coloured squares, which roofs and the moon tint where they overlap."""
    yy, xx = grid()
    scene = np.zeros((SIZE, SIZE, 3), np.float32)
    night = ("#1d2f5f", "#27477e", "#35618f", "#4a3f78", "#2a3a58", "#5a7f9a")
    warm = ("#d8683f", "#e89a4a", "#b8403f", "#f0c274", "#8a3a4f", "#e8b8a0", "#c88a3a", "#6a4a6f", "#f2dcb0")
    earth = ("#3a5a4a", "#5f7f4f", "#2f4a4f", "#8a8f4a", "#4a3f3f", "#a8783f")
    profile = np.array([7, 6, 6, 4, 5, 3, 4, 4, 6, 5, 6, 7, 8])
    rows = np.cumsum(np.concatenate([[-6], rng.uniform(34, 50, 14)]))
    columns = np.cumsum(np.concatenate([[-10], rng.uniform(36, 52, 13)]))
    jolt = rng.normal(0, 3.2, (16, 16, 2))

    def corner(i: int, j: int) -> Array:
        return np.array([columns[j], rows[i]]) + jolt[i, j]

    pieces: list[tuple[Array, str]] = []
    for i in range(len(rows) - 1):
        for j in range(len(columns) - 1):
            depth = i - profile[j % len(profile)]
            codes = night if depth < 0 else warm if i < 9 + (j % 3 == 0) else earth
            code = codes[int(rng.integers(len(codes)))]
            box = np.array([corner(i, j), corner(i, j + 1), corner(i + 1, j + 1), corner(i + 1, j)])
            pieces.append((box, code))
            low, mid = 0.5 * (box[2] + box[3]), 0.5 * (box[0] + box[1])
            if depth == -1:
                roof = ("#c8402f", "#7a2f3f", "#e8703f", "#3f2f4f")[int(rng.integers(4))]
                if rng.random() < 0.2:
                    pieces.append((np.array([box[3], *oval(*low, 19, 21)[32:], box[2]]), roof))
                else:
                    pieces.append((np.array([box[3], mid + rng.normal(0, 3, 2), box[2]]), roof))
                    pieces.append((np.array([low, mid, box[2]]), "#2a2438"))
            elif codes is warm and rng.random() < 0.55:
                middle, half = box.mean(0), np.array([rng.uniform(5, 8), rng.uniform(7, 11)])
                lit = ("#fbe08a", "#1d2438", "#fbe08a", "#27477e")[int(rng.integers(4))]
                pieces.append((middle + half * [(-1, -1), (1, -1), (1, 1), (-1, 1)], lit))
            elif codes is earth and rng.random() < 0.3:
                pieces.append((np.array([box[3], mid, box[2]]), ("#2f4a3f", "#7a9a4f")[int(rng.integers(2))]))
    # Each piece has its own thin, uneven brushwork and is lighter towards one corner.
    scumble = cloudy(rng, 18)
    for points, code in pieces:
        mask = area(points)
        x, y = points.mean(0)
        a = rng.uniform(0, 2 * np.pi)
        tilt = np.clip(((xx - x) * np.cos(a) + (yy - y) * np.sin(a)) / 44, -1, 1)
        lay(scene, mask, rgb(code) * (1 + 0.16 * tilt + 0.07 * scumble)[..., None])
        lay(scene, trace(points, 2, closed=True), rgb(code) * 0.55, 0.55)
    moon, halo = disc(372, 92, 46), disc(372, 92, 82)
    lay(scene, halo * (1 - moon), np.clip(scene * 1.15 + np.float32([0.10, 0.10, 0.06]), 0, 1))
    lay(scene, moon, np.clip(0.35 * scene + 0.75 * rgb("#f6dc96"), 0, 1))
    lay(scene, trace(oval(372, 92, 46), 3, closed=True), "#c8a24a", 0.7)
    dry = bristles(0.2 + 0.6 * smooth_noise((SIZE, SIZE), 50, rng), 12, rng, 2.2)
    weave = np.sin(xx * 1.57) + np.sin(yy * 1.57)
    scene = blur(scene, 0.8) * (1 + 0.05 * dry)[..., None]
    lay(scene, np.clip(dry - 1.5, 0, 1), "#e8dcc0", 0.45)
    return relief(scene, 0.10 * dry + 0.05 * weave, 0.07)


def guitar(rng: Rng) -> Array:
    """Guitar, bottle, glass and a newspaper seen from several sides at once, facet by facet."""
    yy, xx = grid()
    scene = _table(rng)
    cuts = (
        (70, 90, 0.25), (150, 240, -0.2), (236, 120, 0.12), (300, 330, -0.3), (388, 200, 0.2), (452, 380, -0.15),
        (256, 60, 1.35), (200, 170, 1.75), (330, 262, 1.4), (220, 352, 1.7), (300, 440, 1.45), (110, 330, 0.8),
        (420, 110, 2.3),
    )  # fmt: skip
    facets, edge = np.zeros((SIZE, SIZE), int), np.full((SIZE, SIZE), 99.0, np.float32)
    for x, y, turn in cuts:
        off = (xx - x) * np.cos(turn) + (yy - y) * np.sin(turn)
        facets = 2 * facets + (off > 0)
        edge = np.minimum(edge, np.abs(off))
    _, facets = np.unique(facets, return_inverse=True)
    facets = facets.reshape(SIZE, SIZE)
    dx, dy, grow = (rng.normal(0, s, facets.max() + 1)[facets] for s in (17, 14, 0.07))
    mx, my = 256 + (xx - 256) * (1 + grow) + dx, 256 + (yy - 256) * (1 + grow) + dy
    out = cv2.remap(
        scene, mx.astype(np.float32), my.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    # Every facet is shaded from dark to light, starting at one of its edges, as if folded out of the canvas.
    turn = rng.uniform(0, 2 * np.pi, facets.max() + 1)
    count = np.bincount(facets.ravel()) + 1e-6
    cx, cy = (np.bincount(facets.ravel(), v.ravel()) / count for v in (xx, yy))
    spread = np.sqrt(count) + 12
    slope = ((xx - cx[facets]) * np.cos(turn[facets]) + (yy - cy[facets]) * np.sin(turn[facets])) / spread[facets]
    shade = 1.06 + 0.62 * np.clip(slope, -1, 1) + rng.normal(0, 0.1, facets.max() + 1)[facets]
    out = np.clip(out * shade[..., None], 0, 1).astype(np.float32)
    angle = turn[facets] + np.pi / 2
    canvas = np.concatenate([out, np.zeros((SIZE, SIZE, 1), np.float32)], -1)
    strokes(canvas, out, angle, rng, width=9, length=17, spacing=9, jitter=0.035, skip=0.1)
    mixed = 0.6 * canvas[..., :3] + 0.4 * out
    fold = np.clip(2.1 - edge, 0, 1) * np.clip(0.45 + 0.5 * smooth_noise((SIZE, SIZE), 50, rng), 0, 1)
    lay(mixed, fold, "#1f1712", 0.9)
    return relief(mixed, blur(canvas[..., 3], 1.0) + 0.1 * bristles(angle, 10, rng, 1.6), 0.07)


def _table(rng: Rng) -> Array:
    """The still life before it is broken into facets, with dark contours."""
    scene = sky("#54707a", "#9aa58c", "#d8be84", "#a88a58")
    ink = "#1f1712"

    def thing(points: Array, code: str, width: float = 4) -> None:
        lay(scene, area(points), code)
        lay(scene, trace(points, width, closed=True), ink)

    thing(np.array([(-20, 376), (200, 330), (540, 352), (540, 540), (-20, 540)]), "#8f5f34")
    thing(np.array([(40, 424), (230, 392), (282, 478), (84, 516)]), "#e6dcc2")
    for k in range(6):
        lay(scene, trace([(70 + 7 * k, 436 + 12 * k), (222 + 8 * k, 410 + 12 * k)], 3), ink, 0.6)
    thing(
        curve(
            [
                (78, 392),
                (76, 250),
                (84, 212),
                (110, 176),
                (112, 96),
                (146, 96),
                (148, 176),
                (176, 212),
                (184, 250),
                (182, 392),
                (78, 392),
            ],
            120,
        ),
        "#2f5a4a",
    )
    lay(scene, area([(90, 270), (170, 270), (170, 344), (90, 344)]), "#e8d8b0")
    lay(
        scene,
        area([(100, 292), (160, 290), (160, 300), (100, 302)], [(108, 314), (152, 314), (152, 322), (108, 322)]),
        "#a8352c",
    )
    lay(scene, area(taper(curve([(98, 260), (102, 220), (118, 186)]), 7, 4)), "#a8c8a8")
    body = curve(
        [
            (316, 214),
            (366, 206),
            (404, 236),
            (398, 280),
            (418, 330),
            (446, 392),
            (404, 462),
            (318, 474),
            (242, 452),
            (222, 388),
            (262, 330),
            (272, 282),
            (258, 240),
            (316, 214),
        ],
        160,
    )
    lay(scene, np.roll(area(body), (8, 14), (0, 1)), "#4a2f1c", 0.8)
    thing(body, "#c8863a", 5)
    thing(oval(334, 306, 36, 33), "#24170f")
    lay(scene, trace(oval(334, 306, 42, 39), 3, closed=True), "#f0d8a0")
    thing(np.array([(312, 310), (352, 306), (334, 40), (304, 42)]), "#4a2c1a")
    thing(np.array([(296, 44), (344, 40), (338, -6), (294, -2)]), "#8f5528")
    thing(np.array([(296, 410), (390, 402), (392, 418), (298, 426)]), "#3a2114")
    for k in range(4):
        lay(scene, trace([(310 + 7 * k, 30), (318 + 11 * k, 412)], 2), "#f2e2bc")
    for y in range(64, 280, 24):
        lay(scene, trace([(304 + 0.03 * y, y), (338 + 0.04 * y, y - 2)], 2), "#d8b878")
    thing(np.array([(440, 300), (506, 296), (494, 392), (480, 400), (462, 400), (450, 392)]), "#9fb8b8")
    lay(scene, area([(446, 336), (500, 334), (492, 390), (454, 392)]), "#7a2430")
    for x, y, r, code in ((200, 384, 30, "#c8a02f"), (150, 408, 26, "#7a8f3a")):
        thing(oval(x, y, r), code)
        lay(scene, disc(x - 8, y - 9, 0.4 * r), "#f0e2a0", 0.6)
    return scene + 0.03 * cloudy(rng, 60)[..., None]

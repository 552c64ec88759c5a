"""Brush: long swirling strokes, broad dry strokes, bold patches."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, bristles, paper, relief, smooth_noise, streaks
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    below,
    curve,
    disc,
    grid,
    lay,
    polygon,
    rgb,
    ridge,
    sky,
    taper,
)
from miniature.painting.strokes import fresh_canvas, strokes


def night(rng: Rng) -> Array:
    """A swirling night sky over a village, in long thick strokes."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = sky("#0b1540", "#1c3f8f", "#3f7fc4", "#8fc1d8", "#e8d9a0")
    angle = 0.25 * smooth_noise((SIZE, SIZE), 140, rng)
    lights = [
        (396, 92, 30, "#fff1b0"),
        (96, 70, 14, "#fdf3c9"),
        (206, 132, 11, "#ffe9a0"),
        (292, 54, 10, "#fff6d8"),
        (462, 212, 10, "#ffe9a0"),
        (48, 190, 9, "#fff6d8"),
    ]
    for x, y, r, code in lights:
        glow = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (2.2 * r) ** 2))[..., None]
        scene += glow * (rgb(code) - scene)
    wave = 190 + 26 * np.sin(xx / 70) + 10 * np.sin(xx / 31 + 1)
    band = np.exp(-((yy - wave) ** 2) / 700)[..., None]
    scene += 0.7 * band * (rgb("#bfe0ea") - scene)
    dx, dy = np.cos(angle), np.sin(angle) + 0.5 * np.cos(xx / 70)
    for x, y, r in [light[:3] for light in lights] + [(236, 196, 34), (330, 226, 24)]:
        near = 3.2 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (3.0 * r) ** 2))
        dist = np.hypot(xx - x, yy - y) + 1
        dx, dy = dx - near * (yy - y) / dist, dy + near * (xx - x) / dist
    angle = np.arctan2(dy, dx)
    for base, height, code in ((330, 26, "#28477e"), (372, 22, "#1d3563"), (420, 12, "#16324a")):
        line = ridge(rng, base, height, 120)
        ground = np.arange(SIZE)[:, None] > line[None]
        scene[ground] = rgb(code) * (1 + 0.25 * smooth_noise((SIZE, SIZE), 30, rng)[ground][:, None])
        angle[ground] = np.broadcast_to(np.arctan(np.gradient(line)), (SIZE, SIZE))[ground]
    for x in range(150, 500, 34):
        w, h, y = rng.uniform(18, 30), rng.uniform(14, 26), 436 + rng.uniform(-8, 14)
        polygon(scene, [(x, y), (x + w, y), (x + w, y - h), (x + w / 2, y - h - 14), (x, y - h)], "#2d3a5e")
        polygon(scene, [(x - 2, y - h), (x + w / 2, y - h - 16), (x + w + 2, y - h)], "#6b3d3a")
        cv2.rectangle(
            scene,
            (int(x + w / 2 - 3), int(y - h / 2 - 4)),
            (int(x + w / 2 + 3), int(y - h / 2 + 4)),
            rgb("#ffd75e").tolist(),
            -1,
        )
    tree = np.abs(xx - 74 - 9 * np.sin(yy / 28)) < np.clip((yy - 150) * 0.15, 0, 44) * (0.8 + 0.2 * np.sin(yy / 9))
    scene[tree], angle[tree] = rgb("#10231f"), (np.pi / 2 + 0.35 * np.sin(yy / 22))[tree]
    canvas = fresh_canvas(scene, None)
    for width, length, skip in ((13, 42, 0.0), (9, 34, 0.2), (6, 24, 0.45)):
        strokes(
            canvas, scene, angle, rng, width=width, length=length, spacing=width * 0.95, jitter=0.05, skip=skip, bend=2
        )
    height = blur(canvas[..., 3], 1.0) + 0.2 * bristles(angle, 20, rng, 1.4)
    return relief(streaks(canvas[..., :3], angle, 4), height, 0.14)


def still_life(rng: Rng) -> Array:
    """Fruit and a jug in strokes of a broad, dry brush."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = sky("#5b2a3c", "#7a3140", "#93404a")
    table = yy > 330 + 0.06 * xx
    scene[table] = rgb("#d8a657")
    scene[table & (yy > 440)] = rgb("#b97a3c")
    angle = 0.5 + 0.5 * smooth_noise((SIZE, SIZE), 160, rng)
    angle[table] = 0.05

    def ball(x: float, y: float, rx: float, ry: float, dark: str, light: str) -> None:
        u, v = (xx - x) / rx, (yy - y) / ry
        inside = u * u + v * v < 1
        shade = np.clip(0.55 - 0.45 * u - 0.5 * v, 0, 1)[..., None]
        scene[inside] = (rgb(dark) + shade * (rgb(light) - rgb(dark)))[inside]
        angle[inside] = (np.arctan2(v, u) + np.pi / 2)[inside]
        cast = (
            (((xx - x - 0.5 * rx) / (1.3 * rx)) ** 2 + ((yy - y - 0.85 * ry) / (0.3 * ry)) ** 2 < 1) & ~inside & table
        )
        scene[cast] = rgb("#6b3a2c")

    ball(170, 290, 74, 110, "#123f52", "#5fb3b8")
    polygon(scene, [(140, 190), (200, 190), (212, 130), (130, 130)], "#2f7f8c")
    cv2.ellipse(scene, (252, 270), (34, 52), 0, -80, 80, rgb("#2f7f8c").tolist(), 12)
    for x, y, r, dark, light in (
        (300, 372, 52, "#8f1f1f", "#f2603a"),
        (392, 380, 46, "#a65a10", "#ffd04f"),
        (350, 318, 44, "#5a7a1c", "#c9dd5c"),
        (450, 410, 40, "#7a1836", "#e2506a"),
    ):
        ball(x, y, r, r, dark, light)
    canvas = fresh_canvas(scene, None)
    for width, length in ((30, 80), (18, 46), (11, 26)):
        strokes(
            canvas, scene, angle, rng, width=width, length=length, spacing=width * 0.9, jitter=0.045, skip=0.15, bend=1
        )
    hair = bristles(angle, 40, rng, 1.8)
    out = canvas[..., :3] * (1 - 0.10 * np.clip(-hair, 0, 2))[..., None] + 0.05 * np.clip(hair, 0, 2)[..., None]
    return relief(out, blur(canvas[..., 3], 1.2) + 0.15 * hair, 0.1)


def orchard(rng: Rng) -> Array:
    """Trees on a hill in unnatural colours: short wide patches with bare canvas between them."""
    yy, xx = grid()
    scene = sky("#2f8fd8", "#63c3dd", "#f7d9a8", "#f9b27a")
    scene[:300] = cv2.resize(scene, (SIZE, 300))
    below(scene, ridge(rng, 196, 22, 130), rgb("#5a55b5"))
    below(scene, ridge(rng, 232, 14, 170), rgb("#e0608c"))
    below(scene, ridge(rng, 268, 10, 150), rgb("#2fa58a"))
    for base, code in ((300, "#f2b632"), (350, "#f08432"), (408, "#e4532f"), (468, "#c73a52")):
        below(scene, ridge(rng, base, 7, 180), rgb(code))
    path = area(
        curve(
            [
                (286, 292),
                (250, 340),
                (284, 390),
                (180, 460),
                (120, 520),
                (300, 520),
                (352, 450),
                (372, 388),
                (300, 340),
                (296, 292),
            ],
            90,
        )
    )
    lay(scene, path, "#f6c3d0")
    for x, y, w, h, wall in ((160, 292, 52, 34, "#fbe3c8"), (206, 296, 38, 26, "#f4a7a0")):
        polygon(scene, [(x, y), (x + w, y), (x + w, y - h), (x, y - h)], wall)
        polygon(scene, [(x - 6, y - h), (x + w / 2, y - h - 22), (x + w + 6, y - h)], "#d8352e")
        polygon(scene, [(x + 12, y), (x + 24, y), (x + 24, y - 20), (x + 12, y - 20)], "#23408f")
    houses = ((yy > 226) & (yy < 298) & (xx > 150) & (xx < 254)).astype(np.float32)
    angle = np.where(yy < 190, 0.15, 0.0) + 0.35 * smooth_noise((SIZE, SIZE), 90, rng)
    angle[yy > 290] += 0.35
    angle[path > 0.5] += 1.2
    trees = ((78, 452, 1.35, 0.06), (420, 420, 1.2, -0.08), (330, 330, 0.62, 0.05), (468, 322, 0.55, 0.0))
    trunks, leaves = [], np.zeros((SIZE, SIZE), np.float32)
    for x, y, s, lean in sorted(trees, key=lambda tree: tree[1]):
        lay(scene, disc(x + 55 * s, y + 4 * s, 80 * s, 13 * s), "#3d3a9c")
        stem = curve(
            [(x, y), (x + 8 * s, y - 60 * s), (x + 90 * lean * s - 6 * s, y - 130 * s), (x + 14 * s, y - 190 * s)]
        )
        trunks.append(taper(stem, 24 * s, 8 * s))
        trunks.append(
            taper(curve([(x + 4 * s, y - 95 * s), (x - 30 * s, y - 140 * s), (x - 52 * s, y - 172 * s)]), 11 * s, 5 * s)
        )
        trunks.append(
            taper(curve([(x + 4 * s, y - 80 * s), (x + 44 * s, y - 128 * s), (x + 62 * s, y - 160 * s)]), 11 * s, 5 * s)
        )
        lay(scene, area(*trunks[-3:]), "#d22f2f")
        for k, code in enumerate(("#14694f", "#23935a", "#7cc142", "#f3dc3e")):
            for _ in range(7):
                dx, dy = rng.normal(-8 * k * s, 38 * s), rng.normal(-9 * k * s, 24 * s)
                crown = disc(x + 6 * s + dx, y - 190 * s + dy, (34 - 5 * k) * s, (25 - 4 * k) * s)
                lay(scene, crown, code)
                leaves = np.maximum(leaves, crown)
                angle[crown > 0.5] = rng.uniform(-0.9, 0.4)
    ground = rgb("#fbf0da") + 0.02 * paper((SIZE, SIZE), rng, 2.5)[..., None]
    canvas = fresh_canvas(scene, ground)
    strokes(canvas, scene, angle, rng, width=19, length=40, spacing=17, jitter=0.05, skip=0.03)
    strokes(canvas, scene, angle, rng, width=12, length=30, spacing=17, jitter=0.07, bend=1)
    strokes(canvas, scene, 1.5 * houses, rng, width=8, length=13, spacing=6, jitter=0.03, detail=houses)
    # The trunks are painted over the patches in single strokes of red and ultramarine, and leaves over the trunks.
    for outline in trunks:
        stem, shade = area(outline), area(outline + np.array([5.0, 1.0]))
        lay(canvas[..., :3], shade, "#25307f")
        lay(canvas[..., :3], stem, "#d8352e")
    strokes(canvas, scene, angle, rng, width=13, length=30, spacing=15, jitter=0.08, detail=0.75 * leaves)
    hair = bristles(angle, 16, rng, 1.6)
    return relief(canvas[..., :3] + 0.02 * hair[..., None], blur(canvas[..., 3], 1.0) + 0.12 * hair, 0.07)

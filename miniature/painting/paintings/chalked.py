"""Soft chalk."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import bristles, paper, smooth_noise
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    below,
    curve,
    disc,
    glow,
    grid,
    lay,
    leaf,
    ramp,
    rgb,
    ridge,
    sky,
    taper,
)
from miniature.painting.strokes import fresh_canvas, strokes


def poppies(rng: Rng) -> Array:
    """Poppies in the evening, in soft chalk on dark blue paper that shows through."""
    yy = grid()[0]
    night_paper = rgb("#1c2038")
    scene = sky("#25315e", "#4a4f8a", "#a06a98", "#ee9a86", "#f8cf94")
    scene[:300] = cv2.resize(scene, (SIZE, 300))
    lay(scene, disc(150, 118, 34), "#fdf0cf")
    lay(scene, 0.6 * glow(150, 118, 70), "#f6c9b0")
    below(scene, ridge(rng, 274, 20, 140), rgb("#51518a"))
    below(scene, ridge(rng, 304, 10, 170), rgb("#35507a"))
    field = yy > ridge(rng, 326, 6, 200)[None]
    scene[field] = ramp((yy - 320) / 192, "#5d8f74", "#3f7a5c", "#27543f", "#17362c")[field]
    angle = 0.15 * smooth_noise((SIZE, SIZE), 120, rng)
    angle[field] = 1.5 + 0.25 * smooth_noise((SIZE, SIZE), 60, rng)[field]
    canvas = fresh_canvas(scene, night_paper)
    strokes(canvas, scene, angle, rng, width=9, length=60, spacing=11, jitter=0.035, skip=0.1, bend=1)
    strokes(canvas, scene * 1.08, angle, rng, width=6, length=44, spacing=13, jitter=0.07, bend=1)
    chalk = np.ascontiguousarray(canvas[..., :3])
    for _ in range(90):
        x, y = rng.uniform(0, SIZE), rng.uniform(350, 520)
        lay(
            chalk,
            area(leaf(x, y, rng.uniform(40, 90), 7, -1.57 + rng.normal(0, 0.3))),
            ("#86b46a", "#b9cf7d", "#2c6a5c")[int(rng.integers(3))],
            0.8,
        )
    for y in np.sort(rng.uniform(318, 480, 44)):
        _poppy(chalk, rng.uniform(0, SIZE), float(y), 5 + 0.15 * (float(y) - 318), rng)
    for x, y, r in ((96, 352, 44), (236, 414, 50), (392, 330, 52), (462, 452, 46), (40, 470, 40), (318, 486, 34)):
        stem = curve([(x, y), (x + 8, y + 60), (x - 4, y + 200)])
        lay(chalk, area(taper(stem, 7, 6)), "#9cc07a")
        _poppy(chalk, x, y, r, rng)
    # Chalk stays on the raised grain of the paper; the more is applied, the fewer gaps remain.
    tooth = paper((SIZE, SIZE), rng, 1.6) + 0.7 * bristles(angle, 12, rng, 1.2)
    cover = 0.97 / (1 + np.exp(-(tooth + 1.2 + 0.5 * canvas[..., 3]) * 2.0))
    return night_paper + (chalk - night_paper) * cover[..., None]


def _poppy(chalk: Array, x: float, y: float, size: float, rng: Rng) -> None:
    """Petals drawn from dark to light around a black centre."""
    turn = rng.uniform(-0.4, 0.4)
    for dx, dy, rx, ry, code in (
        (-0.42, -0.05, 0.62, 0.55, "#a81c2c"), (0.42, -0.02, 0.62, 0.55, "#c4262e"),
        (0.0, -0.34, 0.72, 0.5, "#d8322f"), (0.0, 0.28, 0.78, 0.5, "#ee4a34"), (0.1, 0.36, 0.5, 0.24, "#ff8a5c"),
    ):  # fmt: skip
        lay(chalk, disc(x + dx * size, y + dy * size, rx * size, ry * size, turn + dx), code, 0.92)
    if size > 14:
        lay(chalk, disc(x, y + 0.02 * size, 0.22 * size, 0.17 * size), "#1d1526")
        for a in rng.uniform(0, 6.28, 12):
            lay(chalk, disc(x + 0.31 * size * np.cos(a), y + 0.22 * size * np.sin(a), 0.035 * size + 0.6), "#f2d9a0")

"""Watercolour and ink wash."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, bristles, paper, smooth_noise, warp
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
    rgb,
    ridge,
    sky,
    taper,
)
from miniature.painting.styles.washes import watercolour


def birches(rng: Rng) -> Array:
    """A birch wood in autumn, in watercolour washes that bleed into each other."""
    scene = sky("#cfe0e6", "#f3e7c9", "#f0b95a", "#c8642d", "#6e4a2c")
    for _ in range(260):
        x, y = rng.uniform(0, SIZE), rng.normal(215, 90)
        code = ("#f2a93b", "#e2692b", "#f6d06a", "#a8452a", "#8a9a3f")[int(rng.integers(5))]
        cv2.circle(scene, (int(x), int(y)), int(rng.uniform(8, 30)), rgb(code).tolist(), -1)
    out = watercolour(scene, {"radius": 13, "colours": 10, "bleed": 5.0, "edge": 1.2, "grain": 0.02, "white": 0.2}, rng)
    for x in (40, 96, 150, 232, 268, 340, 410, 470):
        w, lean = rng.uniform(10, 24), rng.uniform(-14, 14)
        _trunk(out, x, w, lean, rng)
    return out + 0.02 * paper((SIZE, SIZE), rng, 2.5)[..., None]


def _trunk(out: Array, x: float, width: float, lean: float, rng: Rng) -> None:
    """One white stem with dark marks, painted over the background."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    middle = x + lean * (1 - yy / SIZE) + 3 * np.sin(yy / 60 + x)
    side = (xx - middle) / (0.5 * width * (0.75 + 0.35 * yy / SIZE))
    inside = np.clip((1 - np.abs(side)) * 5, 0, 1) * (yy < 470 + 20 * np.sin(x))
    mark = (smooth_noise((SIZE, SIZE), 7, rng) + 0.7 * np.abs(side) > 1.5) & (np.abs(side) < 1)
    bark = np.where(mark[..., None], rgb("#3a3230"), rgb("#f7f3ea") - 0.22 * np.clip(side, 0, 1)[..., None])
    out += inside[..., None] * (bark - out)


def mist(rng: Rng) -> Array:
    """An ink wash of mountains in the mist behind bamboo with a red seal; most of the paper stays empty."""
    yy = grid()[0]
    ink = 0.05 * np.clip(cloudy(rng, 200, 2.0), 0, 2)
    for base, height, scale, dark, fade in (
        (178, 46, 110, 0.20, 90), (232, 70, 90, 0.36, 80), (318, 44, 100, 0.55, 62), (392, 20, 120, 0.42, 40),
    ):  # fmt: skip
        top = ridge(rng, base, height, scale)
        top = top - 60 * np.exp(-(((np.arange(SIZE) - 330 + 0.3 * (base - 200)) / 60) ** 2)) * (base < 340)
        depth = yy - top[None]
        # Ink is darkest along the ridge, diluted below it, and streaked by the bristles on steep slopes.
        wash = np.exp(-np.clip(depth, 0, None) / fade) * np.clip(0.5 + depth / 2.5, 0, 1)
        steep = 1.2 + 0.4 * smooth_noise((SIZE, SIZE), 60, rng)
        grain = np.clip(1 + 0.3 * bristles(steep, 26, rng, 3.0) + 0.2 * cloudy(rng, 40), 0.25, 1.6)
        ink = np.maximum(ink * np.clip(1 - wash * 1.2, 0.0, 1), 0) + dark * wash * grain
    lake = np.clip((yy - 430) / 12, 0, 1)
    ink = ink * (1 - lake) + lake * (
        0.05 + 0.07 * np.clip(cv2.resize(smooth_noise((SIZE, 64), 5, rng), (SIZE, SIZE)), 0, 2)
    )
    ink = blur(warp(ink, 2.0, 14, rng), 0.9)
    hull = area(curve([(296, 458), (330, 472), (372, 472), (412, 454), (370, 464), (330, 464), (296, 458)], 50))
    man = np.maximum(area([(346, 464), (350, 438), (362, 438), (366, 464)]), area([(338, 440), (356, 426), (374, 440)]))
    rod = area(taper(curve([(366, 452), (410, 424), (446, 430)]), 2.2, 1.2))
    for mask in (hull, man, rod):
        ink = np.maximum(ink, 0.86 * mask)
    ink = ink + 0.18 * disc(354, 482, 52, 5)
    for x, y, s in ((236, 92, 11), (262, 74, 9), (284, 100, 8), (214, 70, 7)):
        for side in (-1, 1):
            ink = np.maximum(ink, 0.7 * area(leaf(x, y, 1.9 * s, 0.5 * s, -0.5 if side > 0 else -2.6)))
    for x, lean, width, dark in ((74, 26, 19, 0.8), (122, -14, 12, 0.5), (30, 14, 14, 0.62)):
        ink = _bamboo(ink, x, lean, width, dark, rng)
    ground = rgb("#f1e5cb") - 0.03 * np.clip(cloudy(rng, 150), -1, 2)[..., None] * np.float32([0.5, 0.8, 1.2])
    out = ground * (1 - np.clip(ink, 0, 0.93)[..., None] * np.float32([0.93, 0.92, 0.88]))
    seal = area([(444, 44), (480, 43), (481, 82), (445, 83)]) * np.clip(0.9 + 0.25 * paper((SIZE, SIZE), rng, 2), 0, 1)
    lay(out, seal, "#bf2f22")
    for points in (
        [(451, 52), (474, 52)],
        [(462, 52), (462, 76)],
        [(451, 64), (474, 64)],
        [(452, 76), (474, 75)],
        [(452, 64), (452, 76)],
    ):
        lay(out, area(taper(points, 3.4, 3.0)), "#f1e5cb")
    return (out + 0.014 * paper((SIZE, SIZE), rng, 2.0)[..., None]).astype(np.float32)


def _bamboo(ink: Array, x: float, lean: float, width: float, dark: float, rng: Rng) -> Array:
    """A bamboo stalk: each segment is one stroke of a flat brush that is wet at its edges, each leaf one dab."""
    yy, xx = grid()
    y = 530.0
    while y > -40:
        tall = rng.uniform(88, 120)
        low, high = x + lean * (1 - y / SIZE), x + lean * (1 - (y - tall) / SIZE)
        part = area(taper(curve([(low, y - 5), (0.5 * (low + high), y - tall / 2), (high, y - tall)]), width, width))
        across = np.abs(xx - (low + (high - low) * (y - yy) / tall)) / (0.5 * width)
        wet = (
            0.45 + 0.55 * np.clip(across, 0, 1) ** 2 + 0.16 * bristles(np.full((SIZE, SIZE), 1.57, np.float32), 40, rng)
        )
        ink = ink * (1 - part) + part * np.clip(dark * wet, 0.06, 0.9)
        joint = area(
            taper(
                curve([(high - 0.7 * width, y - tall - 2), (high, y - tall + 2), (high + 0.7 * width, y - tall - 3)]),
                4,
                4,
            )
        )
        ink = np.maximum(ink, dark * joint)
        for side in rng.permutation([-1, 1])[: int(rng.integers(1, 3))]:
            tip = (high + side * rng.uniform(40, 74), y - tall - rng.uniform(8, 44))
            ink = np.maximum(
                ink, dark * area(taper(curve([(high, y - tall), (0.5 * (high + tip[0]), tip[1] + 6), tip]), 3.5, 2))
            )
            for _ in range(5):
                turn = (0.5 if side > 0 else np.pi - 0.5) + rng.normal(0, 0.45)
                spot = area(
                    leaf(
                        tip[0] - side * rng.uniform(0, 22),
                        tip[1] + rng.uniform(-4, 8),
                        rng.uniform(42, 70),
                        rng.uniform(10, 15),
                        turn,
                    )
                )
                ink = np.maximum(ink, (dark + rng.uniform(-0.25, 0.12)) * spot)
        y -= tall + 3
    return ink

"""The sea and the coast."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, smooth_noise
from miniature.painting.scenes.parts import box, choose, draw_sky, ground, house, mountains, plane_noise, scene, water
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    cloudy,
    curve,
    disc,
    glow,
    grid,
    lay,
    ramp,
    rgb,
    sky,
    trace,
)


@scene
def sea_cliff(rng: Rng) -> Array:
    """Layered cliffs above surf."""
    yy, xx = grid()
    horizon = rng.uniform(210, 260)
    picture, light = draw_sky(rng, horizon)
    swell = plane_noise(rng, horizon, 18)
    ground(picture, horizon, "#1f5a6a", "#6a9ab0", 0.16 * swell)
    flip = rng.random() < 0.5
    for reach, top, tint in ((330, horizon - 40, "#8a8478"), (230, horizon - 120, "#a89478")):
        edge = curve(
            [
                (-20, top),
                (reach * 0.5, top + 8),
                (reach * 0.8, top + 26),
                (reach * 0.9, top + 110),
                (reach, top + 190),
                (reach + 34, top + 300),
                (reach + 50, 540),
                (reach + 50, 600),
            ],
            90,
        )
        edge = np.concatenate([edge, [(-20, 600)]])
        mask = area(edge + rng.normal(0, 2.0, edge.shape))
        layers = 0.5 + 0.3 * np.sin((yy + 10 * smooth_noise((SIZE, SIZE), 90, rng)) / 6) + 0.35 * cloudy(rng, 30)
        steep = np.clip((xx - reach * 0.2) / reach, 0, 1)
        if reach > 300:
            foam = blur(np.roll(mask, 16, 1), 10) * np.clip((yy - horizon - 90) / 60, 0, 1)
            lay(picture, foam * np.clip(0.8 + 0.4 * smooth_noise((SIZE, SIZE), 9, rng), 0, 1), "#e8f0f0", 0.85)
        lay(picture, mask, rgb(tint) * light * (0.75 + 0.25 * layers - 0.35 * steep)[..., None])
        grass = np.clip((22 + 8 * cloudy(rng, 30) - (yy - top - 0.08 * xx)) / 8, 0, 1)
        lay(picture, mask * grass, rgb("#6a8a42") * (1 + 0.14 * cloudy(rng, 9))[..., None])
    crest = np.clip(np.abs(plane_noise(rng, horizon, 30)) * -4 + 0.6, 0, 1) * np.clip((yy - horizon) / 200, 0, 1)
    lay(picture, crest * (picture[..., 2] > picture[..., 0]), "#eef4f4", 0.6)
    return picture[:, ::-1] if flip else picture


@scene
def sailing_boats(rng: Rng) -> Array:
    """White sails on a breezy sea."""
    horizon = rng.uniform(220, 280)
    picture, light = draw_sky(rng, horizon, "noon", "morning", "evening")
    mountains(picture, rng, horizon - 4, 12, "#5a7080", 0.55)
    _, xx = grid()
    water(picture, horizon, rng, "#1f5478", 0.6)
    for s in sorted(rng.uniform(0.25, 1.15, int(rng.integers(3, 6)))):
        x, y, lean = rng.uniform(70, 440), horizon + 150 * s, rng.normal(0, 8) * s
        for a, b, tint in ((-6, -52, "#d8d0c0"), (4, 84, choose(rng, "#f6f2e8", "#f2e6d0", "#c8503f"))):
            sail = curve(
                [
                    (x + a * s, y - 14 * s),
                    (x + (a + b) * s * 0.7, y - 18 * s),
                    (x + (a + b) * s, y - 20 * s),
                    (x + (a + 0.75 * b) * s + lean, y - 90 * s),
                    (x + a * s + 2 * lean, y - 200 * s),
                ],
                40,
            )
            lay(picture, area(sail), rgb(tint) * light * np.clip(0.92 - 0.0028 * (xx - x) / s, 0.6, 1)[..., None])
        hull = curve(
            [(x - 74 * s, y - 12 * s), (x - 50 * s, y + 12 * s), (x + 50 * s, y + 14 * s), (x + 92 * s, y - 15 * s)], 40
        )
        lay(picture, trace([(x - s, y), (x + 2 * lean, y - 208 * s)], 3 * s), "#4a3a2c")
        lay(picture, area(hull), choose(rng, "#28384a", "#6a2f28", "#e6e0d4", "#3f5a4a"))
        lay(picture, area(hull * (1, 0.35) + (0, 0.65 * y + 12 * s)), "#101c26", 0.45)
        for k in range(7):
            lay(
                picture,
                disc(x + rng.normal(0, 12 * s), y + (24 + 13 * k) * s, 40 * s * rng.uniform(0.3, 1), 2.4 * s + 0.6),
                "#eceae0",
                0.3,
            )
    return picture


@scene
def lighthouse(rng: Rng) -> Array:
    """A banded lighthouse on rocks above the sea."""
    yy, xx = grid()
    horizon = rng.uniform(300, 340)
    picture, light = draw_sky(rng, horizon)
    ground(picture, horizon, "#1d4a60", "#5f8fa8", 0.16 * plane_noise(rng, horizon, 16))
    x, foot = rng.uniform(150, 360), horizon + 26
    rock = cloudy(rng, 40)
    lit = np.clip(0.5 + 1.3 * (rock - np.roll(rock, (5, 5), (0, 1))), 0, 1)
    top = (
        foot
        + 12
        + 0.9 * np.clip(np.abs(np.arange(SIZE) - x) - 40, 0, None) ** 0.95 * 0.7
        + 9 * smooth_noise((4, SIZE), 22, rng)[1]
    )
    lay(
        picture,
        blur(np.clip(yy - top[None] + 12, 0, 1), 4) * (yy > horizon) * np.clip((top[None] - horizon - 60) / 50, 0, 1),
        "#e6eef0",
        0.7,
    )
    lay(picture, np.clip(yy - top[None], 0, 1), rgb("#7a6e60") * light * (0.45 + 0.75 * lit)[..., None])
    lay(
        picture,
        np.clip(26 - (yy - top[None]) + 8 * rock, 0, 12) / 12 * (yy > top[None]),
        rgb("#6f8448") * (1 + 0.15 * rock)[..., None],
    )
    high = rng.uniform(200, 240)
    shade = np.clip(1.05 - 0.55 * np.abs((xx - x + 9) / 26) ** 1.5, 0.35, 1.05)[..., None]
    tower = area([(x - 27, foot + 20), (x + 27, foot + 20), (x + 17, foot - high), (x - 17, foot - high)])
    lay(picture, tower, rgb("#f2ece0") * light * shade)
    band = (((yy - foot + high) // (high / 5)) % 2 == 1).astype(np.float32)
    lay(picture, tower * band, rgb(choose(rng, "#b8362e", "#28384a", "#c8642e")) * light * shade)
    lay(picture, box(x - 25, foot - high - 6, x + 25, foot - high), "#2a2c30")
    lay(picture, box(x - 12, foot - high - 32, x + 12, foot - high - 6), "#ffe9a8")
    lay(
        picture,
        trace([(x - 4, foot - high - 32), (x - 4, foot - high - 6)], 2)
        + trace([(x + 5, foot - high - 32), (x + 5, foot - high - 6)], 2),
        "#2a2c30",
    )
    lay(picture, area([(x - 17, foot - high - 31), (x, foot - high - 52), (x + 17, foot - high - 31)]), "#8a2e28")
    lay(picture, glow(x, foot - high - 19, 26), "#fff2c0", 0.7)
    house(picture, rng, x + 38, foot + 24, 62, 36, light)
    return picture


@scene
def moonlit_sea(rng: Rng) -> Array:
    """The moon between clouds and its reflection on the water."""
    yy, xx = grid()
    horizon, x, y = rng.uniform(270, 310), rng.uniform(150, 360), rng.uniform(80, 150)
    picture = cv2.resize(sky("#050b1c", "#0f2340", "#2a4a68"), (SIZE, SIZE))
    lay(picture, glow(x, y, 120), "#8fb0c0", 0.7)
    lay(picture, disc(x, y, rng.uniform(22, 32)), "#fbf6e0")
    clouds = np.clip(cloudy(rng, 120, 2.6), 0, 1.2) * (1 - 0.75 * glow(x, y, 42))
    lay(
        picture,
        np.clip(0.85 * clouds, 0, 0.92),
        ramp(glow(x, y, 150) * (1.3 - 0.6 * clouds), "#0a1426", "#4a6276", "#dfe2d2"),
    )
    mountains(picture, rng, horizon - 4, 15, "#1a2838", 0.15)
    t = np.clip((yy - horizon) / (SIZE - horizon), 0, 1)
    swell = plane_noise(rng, horizon, 14)
    ground(picture, horizon, "#050d18", "#1d3850", 0.35 * swell)
    lane = np.exp(-(((xx - x) / (16 + 120 * t)) ** 2)) * np.clip(0.55 + 0.9 * swell - 0.25 * t, 0, 1) * (yy > horizon)
    lay(picture, np.clip(lane, 0, 1), "#f4efd4", 0.9)
    if rng.random() < 0.7:
        bx, by = x + rng.uniform(-70, 70), horizon + rng.uniform(60, 120)
        lay(
            picture,
            area(curve([(bx - 40, by - 8), (bx - 24, by + 8), (bx + 24, by + 8), (bx + 44, by - 10)])),
            "#04070c",
        )
        lay(
            picture,
            area(
                [(bx, by - 6), (bx, by - 82), (bx + 40, by - 12)],
                [(bx - 4, by - 6), (bx - 4, by - 66), (bx - 26, by - 10)],
            ),
            "#0a1018",
        )
    return picture

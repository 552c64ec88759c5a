"""Landscapes."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, smooth_noise
from miniature.painting.scenes.parts import (
    box,
    choose,
    conifer,
    draw_sky,
    ground,
    mountains,
    plane_noise,
    scene,
    tree,
    water,
)
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
    ramp,
    rgb,
    ridge,
    taper,
)


@scene
def mountain_lake(rng: Rng) -> Array:
    """Snowy mountains reflected in a lake, firs on the shore."""
    shore = rng.uniform(285, 335)
    picture, _ = draw_sky(rng, shore)
    mountains(picture, rng, shore - 110, 46, "#6a7486", 0.45, 46)
    mountains(picture, rng, shore - 55, 40, "#5a5f62", 0.2, 18)
    mountains(picture, rng, shore - 14, 16, "#2f4434", 0.08)
    water(picture, shore, rng, "#24485c", 0.85)
    for side in (0, 1):
        for x in rng.uniform(-20, 120, int(rng.integers(4, 9))):
            conifer(
                picture, rng, x if side else SIZE - x, shore + rng.uniform(26, 120), rng.uniform(90, 200), "#2a4030"
            )
    ground(picture, ridge(rng, 492, 8, 120), "#2f3a24", "#4a5434", 0.25 * cloudy(rng, 12))
    return picture


@scene
def row_of_trees(rng: Rng) -> Array:
    """An avenue of broad trees in a meadow."""
    horizon = rng.uniform(290, 330)
    picture, light = draw_sky(rng, horizon)
    mountains(picture, rng, horizon - 8, 14, "#5f7a6a", 0.5)
    near = choose(rng, "#4f7a2f", "#7a8a3a", "#a08a3f")
    ground(picture, horizon, rgb(near) * light, rgb("#8aa05a") * light, 0.13 * plane_noise(rng, horizon, 10))
    tint = choose(rng, "#4f8a34", "#7a9a3a", "#c8862f", "#a8542f")
    for x, s in sorted(
        zip(np.linspace(30, 480, 5) + rng.normal(0, 16, 5), rng.uniform(150, 240, 5), strict=True), key=lambda p: p[1]
    ):
        tree(picture, rng, x, horizon + 0.45 * (s - 110), s, tint, light)
    return picture


@scene
def desert_dunes(rng: Rng) -> Array:
    """Sand dunes with sharp crests in low light."""
    yy = grid()[0]
    picture, light = draw_sky(rng, 240, "noon", "evening", "morning")
    sand = rgb(choose(rng, "#e0b070", "#d89a58", "#e8c898")) * light
    for k, base in enumerate((226, 272, 330, 404)):
        crest = ridge(rng, base, 16 + 9 * k, 170 + 40 * k)
        slip = crest + 3 + (14 + 17 * k) * np.logaddexp(0, 2.0 * smooth_noise((4, SIZE), 150, rng)[1])
        lines = np.sin((yy - crest[None] + 9 * smooth_noise((SIZE, SIZE), 60, rng)) / (1.2 + 0.8 * k)) * 0.035
        mask = np.clip(yy - crest[None], 0, 1)
        fade = np.clip((yy - crest[None]) / 160, 0, 1)[..., None]
        lay(picture, mask, sand * (1.05 - 0.3 * fade + lines[..., None] + 0.03 * cloudy(rng, 50)[..., None]))
        shade = mask * np.clip((slip[None] - yy) / 5, 0, 1)
        lay(picture, shade, sand * np.float32([0.5, 0.45, 0.5]), 0.9)
        lay(picture, mask, picture[200].mean(0), 0.32 - 0.1 * k)
    for _ in range(int(rng.integers(0, 5))):
        x, y = rng.uniform(60, 450), rng.uniform(300, 350)
        lay(picture, area([(x, y), (x + 4, y), (x + 60, y + 9)]), "#3a2a2a", 0.5)
        lay(picture, disc(x + 2, y - 8, 3, 9), "#33261f")
        lay(picture, disc(x + 2, y - 19, 3), "#33261f")
    return picture


@scene
def forest_path(rng: Rng) -> Array:
    """A path between tall trunks, light falling through haze."""
    yy, xx = grid()
    deep = choose(rng, "#dfe8a8,#a8c070,#4f7a3a", "#f6dca0,#d8a04a,#7a5a2a", "#d0e0dc,#8aa8a0,#3f5f58").split(",")
    picture = ramp(np.clip(np.hypot((xx - 256) / 300, (yy - 220) / 320) + 0.08 * cloudy(rng, 40), 0, 1), *deep)
    horizon = 300
    ground(picture, ridge(rng, horizon, 5, 80), rgb(deep[2]) * 0.6, deep[1], 0.16 * plane_noise(rng, horizon - 20, 9))
    bend = 40 * rng.normal()
    path = area(
        curve(
            [
                (250, horizon),
                (244 + bend, 340),
                (200, 400),
                (110, 540),
                (400, 540),
                (320, 400),
                (276 + bend, 340),
                (262, horizon),
            ],
            90,
        )
    )
    lay(picture, path, rgb("#c0a078") * (0.95 + 0.14 * plane_noise(rng, horizon, 9))[..., None])
    for t in np.sort(rng.uniform(0.05, 1.0, 26)):
        x = 256 + float(rng.choice([-1, 1])) * (44 + rng.uniform(0, 250) * (0.4 + 0.6 * t) + 60 * t)
        wide, foot = 10 + 44 * t**1.5, horizon + 6 + 190 * t
        stem = area(
            taper(
                curve([(x, foot), (x + rng.normal(0, 6), foot * 0.5), (x + rng.normal(0, 16), -30)]),
                wide * 1.25,
                wide * 0.8,
            )
        )
        bark = (
            0.5
            + 0.18 * cv2.resize(smooth_noise((64, SIZE), 4, rng), (SIZE, SIZE))
            - 0.5 * (xx - x) / wide * np.sign(x - 256)
        )
        body = rgb("#4a3a2c") * np.clip(0.35 + bark, 0.2, 1.4)[..., None]
        lay(picture, disc(x, foot, wide, 0.18 * wide), "#14180e", 0.5)
        lay(picture, stem, body + (1 - t) * 0.75 * (rgb(deep[1]) - body))
    leaves = blur(np.clip((cloudy(rng, 60) + 1.4 - yy / 110) * 2.5, 0, 1), 1.0)
    lay(picture, leaves, rgb(deep[2]) * np.clip(1.1 + 0.3 * cloudy(rng, 16), 0.5, 1.8)[..., None], 0.85)
    beam = (
        np.clip(np.sin((xx + 0.7 * yy) / 46 + 2 * rng.random()) - 0.3, 0, 1)
        * np.exp(-((xx - 300) ** 2) / 40000)
        * (yy < 460)
    )
    lay(picture, 0.32 * blur(beam.astype(np.float32), 9), "#fff6d0")
    return picture


@scene
def hay_bales(rng: Rng) -> Array:
    """Round bales on a stubble field in late light."""
    yy, xx = grid()
    horizon = rng.uniform(230, 270)
    picture, light = draw_sky(rng, horizon, "evening", "morning", "noon")
    mountains(picture, rng, horizon - 10, 16, "#6a7a78", 0.5)
    for x in np.sort(rng.uniform(-10, 520, 11)):
        tree(picture, rng, x, horizon + 4, rng.uniform(36, 70), "#4f6a38", light)
    rows = np.sin((xx - 256) * 70 / np.maximum(yy - horizon + 16, 1) * 0.5)
    ground(
        picture,
        horizon,
        rgb("#c89a48") * light,
        rgb("#d8b86a") * light,
        0.03 * rows + 0.11 * plane_noise(rng, horizon, 8),
    )
    for t in np.sort(rng.uniform(0.05, 0.85, int(rng.integers(6, 10)))):
        x, r = rng.uniform(20, 490), 8 + 54 * t
        y = horizon + 12 + 200 * t
        lay(picture, blur(disc(x + 1.5 * r, y + 0.86 * r, 1.9 * r, 0.24 * r), 2), "#3a2a18", 0.55)
        straw = 1 + 0.18 * cloudy(rng, 7, 3.0)
        body = np.maximum(np.maximum(box(x, y - r, x + 1.1 * r, y + r), disc(x + 1.1 * r, y, 0.5 * r, r)), 0)
        lay(
            picture,
            body,
            rgb("#b8883a") * light * (straw * np.clip(1.1 - 0.55 * (yy - y + r) / (2 * r), 0.4, 1.2))[..., None],
        )
        turns = 0.9 + 0.13 * np.sin(np.hypot((xx - x) * 2, yy - y) * 20 / r) + 0.06 * (straw - 1)
        lay(picture, disc(x, y, 0.5 * r, r), rgb("#dcb66a") * light * turns[..., None])
    return picture

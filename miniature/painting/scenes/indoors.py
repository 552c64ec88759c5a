"""Rooms: a table or a sill in window light."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, smooth_noise
from miniature.painting.scenes.parts import box, choose, draw_sky, ground, mountains, plane_noise, scene
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    cloudy,
    colour,
    curve,
    disc,
    grid,
    lay,
    leaf,
    rgb,
    taper,
)


def _room(rng: Rng, edge: float) -> Array:
    """A wall and a table in window light."""
    yy, xx = grid()
    wall = rgb(choose(rng, "#8a9a94", "#b8a890", "#6a7488", "#a87a68", "#5a5450"))
    picture = wall * (1.12 - 0.55 * np.hypot(xx - 90, yy - 60)[..., None] / 600 + 0.03 * cloudy(rng, 90)[..., None])
    grain = cloudy(rng, 40, 5.0)
    wood = rgb(choose(rng, "#8a5a36", "#b08a5e", "#d8d0c4", "#5f4030"))
    ground(picture, edge, 0.85 * wood, 1.1 * wood, 0.10 * grain)
    lay(picture, np.exp(-np.abs(yy - edge) / 5), "#1c1410", 0.25)
    return picture.astype(np.float32)


def _round(picture: Array, outline: Array, x: float, wide: float, tint: str | Array, gloss: float = 0.5) -> None:
    """A rotationally symmetric object (vase, bowl, bottle), lit from the left, with a soft highlight."""
    yy, xx = grid()
    u = np.clip((xx - x) / wide, -1, 1)
    shade = 0.28 + 0.8 * np.sqrt(np.clip(1 - (0.8 * u + 0.32) ** 2, 0, 1))
    mask = area(outline)
    lay(picture, mask, colour(tint) * shade[..., None])
    lay(
        picture,
        mask
        * np.exp(-(((u + 0.42) / 0.10) ** 2))
        * np.clip(np.sin((yy - outline[:, 1].min()) / np.ptp(outline[:, 1]) * np.pi), 0, 1),
        "#ffffff",
        gloss,
    )


def _ball(picture: Array, x: float, y: float, r: float, tint: str, rng: Rng) -> None:
    """A fruit with light, core shadow and cast shadow."""
    yy, xx = grid()
    lay(picture, blur(disc(x + 0.5 * r, y + 0.85 * r, 1.15 * r, 0.28 * r), 0.12 * r), "#140e0a", 0.6)
    u, v = (xx - x) / r, (yy - y) / r
    depth = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    lit = np.clip(0.5 * depth - 0.5 * u - 0.55 * v, 0, 1) + 0.12 * depth
    skin = rgb(tint) * (0.25 + 0.95 * lit + 0.05 * cloudy(rng, 0.3 * r))[..., None]
    lay(picture, disc(x, y, r), skin)
    lay(picture, np.exp(-((u + 0.36) ** 2 + (v + 0.42) ** 2) / 0.02) * (depth > 0), "#ffffff", 0.6)
    lay(
        picture,
        area(taper(curve([(x, y - 0.86 * r), (x + 0.06 * r, y - 1.0 * r), (x + 0.16 * r, y - 1.16 * r)]), 3.4, 2.4)),
        "#3a2a1a",
    )


@scene
def flower_vase(rng: Rng) -> Array:
    """A bunch of flowers in a vase on a table."""
    edge, x = rng.uniform(380, 410), 256 + rng.uniform(-36, 36)
    picture = _room(rng, edge)
    wide, tall, foot = rng.uniform(48, 66), rng.uniform(130, 160), edge + 52
    lay(picture, blur(disc(x + 1.1 * wide, foot - 4, 1.7 * wide, 14), 7), "#140e0a", 0.6)
    for _ in range(34):
        turn, reach = rng.normal(-1.57, 0.62), rng.uniform(90, 210)
        tint = rgb(choose(rng, "#3f6f38", "#5a8a44", "#2a5030"))
        lay(picture, area(leaf(x, foot - tall, reach, rng.uniform(12, 28), turn)), tint * rng.uniform(0.6, 1.1))
    petals = choose(
        rng, "#d8404a,#f0a0a8,#f4e4dc", "#f0c040,#f6e29a,#e8863a", "#7a5ac0,#b89ae0,#f0e6f4", "#f2efe6,#f6d8c8,#e8b0b8"
    ).split(",")
    for _ in range(int(rng.integers(13, 19))):
        turn, reach = rng.normal(-1.57, 0.42), rng.uniform(70, 210)
        _rose(
            picture,
            x + reach * np.cos(turn),
            foot - tall + reach * np.sin(turn),
            rng.uniform(22, 40),
            rgb(petals[int(rng.integers(3))]),
            rng,
        )
    half = wide * np.array([0.62, 0.5, 0.72, 1.0, 0.96, 0.6, 0.55])
    ys = foot - tall * np.array([1.0, 0.9, 0.75, 0.5, 0.28, 0.04, 0.0])
    right = curve(np.stack([x + half, ys], 1), 60)
    left = np.stack([2 * x - right[:, 0], right[:, 1]], 1)
    _round(
        picture,
        np.concatenate([right, left[::-1]]),
        x,
        wide,
        choose(rng, "#3a5f8a", "#d8d4cc", "#8a4a3a", "#4a7a70", "#30343c"),
    )
    return picture


def _rose(picture: Array, x: float, y: float, r: float, tint: Array, rng: Rng) -> None:
    """Rings of petals, darker inside and away from the light."""
    for ring, count in ((1.0, 7), (0.7, 6), (0.42, 5)):
        for a in np.arange(count) * 2 * np.pi / count + rng.uniform(0, 1):
            px, py = x + 0.52 * ring * r * np.cos(a), y + 0.46 * ring * r * np.sin(a)
            lit = 0.86 - 0.22 * np.cos(a - 0.7) - 0.2 * (1 - ring) + rng.normal(0, 0.03)
            lay(picture, disc(px, py, 0.5 * ring * r + 2, 0.4 * ring * r + 2, a), np.clip(tint * lit, 0, 1))


@scene
def fruit_bowl(rng: Rng) -> Array:
    """Apples, oranges and lemons in a bowl."""
    edge, x = rng.uniform(300, 340), 256 + rng.uniform(-30, 30)
    picture = _room(rng, edge)
    tints = ("#c8302a", "#e8862a", "#e6c83a", "#7a9a34", "#a83a4a", "#f0a848")
    rim, deep = edge + 20, rng.uniform(88, 108)
    lay(picture, blur(disc(x + 50, rim + deep + 4, 170, 20), 9), "#140e0a", 0.6)
    lay(picture, disc(x, rim, 168, 30), "#2a2420")
    for dx, dy in ((-96, -12), (96, -10), (-34, -30), (38, -34), (0, -70), (-66, -58), (70, -56), (-4, -4)):
        _ball(
            picture,
            x + dx + rng.normal(0, 5),
            rim + dy + rng.normal(0, 4),
            rng.uniform(38, 50),
            choose(rng, *tints),
            rng,
        )
    t = np.linspace(0, np.pi, 60)
    bowl = np.concatenate(
        [
            np.stack([x + 168 * np.cos(t), rim + 30 * np.sin(t)], 1),
            np.stack([x - 168 * np.cos(t), rim + deep * np.sin(t) ** 0.7], 1),
        ]
    )
    _round(picture, bowl, x, 168, choose(rng, "#e4ded2", "#4a6a8a", "#6a7a5a", "#9a5a42"), 0.3)
    for _ in range(int(rng.integers(1, 4))):
        _ball(
            picture,
            x + rng.choice([-1, 1]) * rng.uniform(150, 210),
            rim + deep - rng.uniform(0, 36),
            rng.uniform(34, 44),
            choose(rng, *tints),
            rng,
        )
    return picture


@scene
def cat_on_a_sill(rng: Rng) -> Array:
    """A cat sitting on a window sill against the light."""
    yy, xx = grid()
    picture, light = draw_sky(rng, 330)
    mountains(picture, rng, 316, 24, "#6a8070", 0.5)
    ground(picture, 330, "#5a7a48", "#8a9a70", 0.15 * plane_noise(rng, 330, 12))
    picture = blur(picture, 4)
    frame, sill = rgb(choose(rng, "#e8e2d6", "#8a5f40", "#d0d8d4")), 414
    wall = rgb(choose(rng, "#6a5f58", "#7a6a5a", "#4f5a60")) * (1 + 0.04 * cloudy(rng, 60))[..., None]
    bars = 1 - box(64, 40, 246, 408) - box(266, 40, 448, 408)
    inner = box(44, 20, 468, sill)
    lay(picture, bars * inner, frame * (0.55 + 0.2 * (xx / SIZE))[..., None])
    lay(picture, 1 - inner, wall * 0.6)
    lay(picture, box(14, sill, 498, sill + 34), frame * light * (0.95 - 0.012 * (yy - sill))[..., None])
    lay(picture, box(14, sill + 34, 498, sill + 44), frame * 0.3)
    for x0, tint in ((-10, 1), (522, -1)):
        cloth = curve(
            [
                (x0, 0),
                (x0 + tint * 120, 0),
                (x0 + tint * 104, 160),
                (x0 + tint * 78, 330),
                (x0 + tint * 60, 520),
                (x0, 520),
            ],
            60,
        )
        lay(picture, area(cloth), rgb("#b89a80") * (0.75 + 0.2 * np.sin(xx / 9 + yy / 160))[..., None])
    x, y, s = rng.uniform(190, 330), sill + 6, rng.uniform(0.85, 1.1)
    side = float(rng.choice([-1, 1]))
    cat = np.array(
        [
            (-6, -196),
            (16, -204),
            (24, -226),
            (40, -208),
            (64, -208),
            (80, -226),
            (88, -202),
            (96, -176),
            (84, -146),
            (62, -128),
            (70, -96),
            (86, -52),
            (88, 0),
            (-58, 0),
            (-72, -42),
            (-60, -92),
            (-30, -126),
            (-4, -152),
        ]
    )
    coat = choose(rng, "#2a2624", "#8a5a34", "#5a5854", "#c8b8a4")
    outline = curve(np.concatenate([cat, cat[:1]]) * (side * s, s) + (x - side * 14 * s, y), 150)
    tail = taper(
        curve(
            np.array([(-50, -14), (-92, -10), (-122, 12), (-120, 46), (-96, 60)]) * (side * s, s)
            + (x - side * 14 * s, y),
            40,
        ),
        24 * s,
        15 * s,
    )
    lay(picture, blur(disc(x + 10, y + 8, 120 * s, 10), 4), "#100c0a", 0.5)
    body = area(outline, tail)
    away = cv2.distanceTransform((body > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    rim = np.exp(-away / (5 * s))
    fur = 0.07 * cv2.resize(smooth_noise((128, SIZE), 4, rng), (SIZE, SIZE))
    lay(picture, body, np.clip(rgb(coat)[None, None] * (0.55 + fur)[..., None] + 0.45 * rim[..., None] * light, 0, 1))
    return picture

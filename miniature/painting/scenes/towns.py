"""Streets, houses, bridges."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur
from miniature.painting.scenes.parts import (
    box,
    choose,
    draw_sky,
    ground,
    house,
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
    leaf,
    oval,
    rgb,
    ridge,
    sky,
    trace,
)


@scene
def village_street(rng: Rng) -> Array:
    """Houses on both sides of a street that runs towards hills."""
    horizon = rng.uniform(270, 300)
    picture, light = draw_sky(rng, horizon)
    mountains(picture, rng, horizon - 14, 18, "#5a6a5a", 0.4)
    ground(picture, horizon, rgb("#8a8078") * light, rgb("#a8a098") * light, 0.06 * plane_noise(rng, horizon, 9))
    vanish = 256 + rng.uniform(-40, 40)
    lay(
        picture,
        area(
            [(vanish - 12, horizon), (vanish - 300, 540), (-400, 540), (-400, horizon)],
            [(vanish + 12, horizon), (vanish + 300, 540), (900, 540), (900, horizon)],
        ),
        0.9 * rgb("#b8aa94") * light * (1 + 0.05 * plane_noise(rng, horizon, 9))[..., None],
    )
    for t in np.linspace(0.16, 1.0, 5):
        wide = 180 * t
        for side in (-1, 1):
            x = vanish + side * (34 + 200 * t) - (wide * 1.35 if side < 0 else 0)
            house(picture, rng, x, horizon + 190 * t - 8, wide, wide * rng.uniform(1.2, 1.8), light)
    shade = area([(vanish - 12, horizon), (vanish - 330, 540), (vanish - 150, 540), (vanish - 4, horizon)])
    lay(picture, blur(shade, 5), "#20242c", 0.4)
    return picture


@scene
def city_skyline(rng: Rng) -> Array:
    """Towers with lit windows at dusk, reflected in a river."""
    yy, xx = grid()
    shore = rng.uniform(350, 400)
    picture = cv2.resize(
        sky(
            *choose(
                rng,
                "#16204a,#4a3f7a,#c86a6a,#f8b26a",
                "#0f2038,#2f5a78,#a8b8a8,#f2d8a0",
                "#1a1838,#583a70,#d8607a,#f9a070",
            ).split(",")
        ),
        (SIZE, int(shore) + 1),
    )
    picture = np.ascontiguousarray(np.concatenate([picture, np.repeat(picture[-1:], SIZE - len(picture), 0)]))
    lay(picture, np.clip(0.5 * cloudy(rng, 110, 3.0), 0, 0.7), "#e89a8a", 0.6)
    for layer, (tint, low, high) in enumerate((("#5a4f78", 70, 190), ("#38385c", 60, 230), ("#1c2038", 40, 170))):
        x = -20.0
        while x < SIZE:
            w, h = rng.uniform(26, 62), rng.uniform(low, high)
            body = box(x, shore - h, x + w, shore + 1)
            if rng.random() < 0.25:
                body = np.maximum(
                    body, area([(x + 0.3 * w, shore - h), (x + 0.5 * w, shore - h - 46), (x + 0.7 * w, shore - h)])
                )
            side = 1 - 0.28 * np.clip((xx - x) / w, 0, 1)
            lay(picture, body, rgb(tint) * side[..., None])
            for wy in np.arange(shore - h + 9, shore - 6, 11):
                for wx in np.arange(x + 5, x + w - 6, 8):
                    if rng.random() < 0.16 + 0.12 * layer:
                        picture[int(wy) : int(wy) + 5, max(0, int(wx)) : max(0, int(wx) + 4)] = rgb(
                            choose(rng, "#ffd98a", "#ffe8b8", "#f8b860")
                        )
            x += w + rng.uniform(-6, 16)
    picture = picture + 0.35 * blur(np.clip(picture - 0.6, 0, 1) * (yy < shore)[..., None], 7)
    water(picture, shore, rng, "#141c34", 0.85)
    return picture


@scene
def bridge(rng: Rng) -> Array:
    """A stone bridge with round arches over a calm river."""
    yy, xx = grid()
    level = rng.uniform(330, 360)
    picture, light = draw_sky(rng, level)
    mountains(picture, rng, level - 90, 22, "#5a7060", 0.35)
    for x in np.sort(rng.uniform(-20, 530, 9)):
        tree(
            picture,
            rng,
            x,
            level - rng.uniform(20, 56),
            rng.uniform(80, 130),
            choose(rng, "#4f7a3a", "#6a8a3f", "#a8863a"),
            light,
        )
    arches = int(rng.integers(2, 4))
    span = 440 / arches
    deck = level - min(0.39 * span, 96) - rng.uniform(22, 40)
    top = deck - 26 * np.cos((xx - 256) / 256 * 1.4)
    wall = np.clip(yy - top, 0, 1) * np.clip(level + 2 - yy, 0, 1)
    holes = area(*[oval(36 + span * (k + 0.5), level, 0.39 * span, min(0.39 * span, 96)) for k in range(arches)])
    joints = 0.10 * (np.minimum(yy % 13, (xx + 12 * (yy // 13 % 2)) % 25) < 1.6)
    stone = rgb(choose(rng, "#b8a888", "#a89a90", "#c0a078")) * light * (1 + 0.07 * cloudy(rng, 16) - joints)[..., None]
    dark = area(*[oval(36 + span * (k + 0.5) + 8, level, 0.39 * span, min(0.39 * span, 96)) for k in range(arches)])
    behind = picture.copy()
    lay(picture, wall, stone)
    lay(picture, wall * holes, stone * 0.4)
    lay(picture, wall * holes * dark, behind * 0.9)
    lay(picture, np.clip(yy - top + 10, 0, 1) * np.clip(top + 1 - yy, 0, 1), 1.1 * rgb("#b8a888") * light)
    water(picture, level, rng, "#2f4a42", 0.85)
    ground(picture, ridge(rng, 506, 12, 90), "#3f5a2a", "#5a7a38", 0.25 * cloudy(rng, 10))
    return picture


@scene
def village_church(rng: Rng) -> Array:
    """A white church with a steeple on a hill among trees."""
    _, xx = grid()
    picture, light = draw_sky(rng, 330)
    mountains(picture, rng, 300, 34, "#5f7280", 0.4, 14 * (rng.random() < 0.5))
    hill = 392 - 46 * np.exp(-(((np.arange(SIZE) - 256) / 170) ** 2))
    grass = choose(rng, "#4f7f35", "#6f8a3a", "#d8dce0")
    x, y = 250 + rng.uniform(-30, 30), 366
    for tx in np.sort(rng.uniform(20, 490, 6)):
        if abs(tx - x) > 80:
            tree(picture, rng, tx, 392, rng.uniform(90, 150), choose(rng, "#3f6f38", "#5f8a3a", "#9a7a34"), light)
    wall = rgb("#eee6d8") * light
    roof = rgb(choose(rng, "#8a4232", "#4a525a", "#5a4438")) * light * (1 + 0.1 * cloudy(rng, 6, 3.0))[..., None]
    lay(picture, box(x, y - 84, x + 140, y + 16), wall * np.clip(0.92 - (xx - x) / 700, 0, 1)[..., None])
    lay(picture, area([(x - 2, y - 82), (x + 26, y - 138), (x + 122, y - 138), (x + 148, y - 82)]), roof)
    lay(picture, box(x - 52, y - 170, x + 4, y + 16), wall)
    lay(picture, box(x - 14, y - 170, x + 4, y + 16), 0.66 * wall)
    lay(picture, area([(x - 58, y - 168), (x - 24, y - 296), (x + 10, y - 168)]), roof)
    lay(picture, area([(x - 20, y - 168), (x - 24, y - 296), (x + 10, y - 168)]), 0.65 * roof)
    lay(
        picture,
        trace([(x - 24, y - 294), (x - 24, y - 322)], 2) + trace([(x - 32, y - 312), (x - 16, y - 312)], 2),
        "#2a2620",
    )
    for k in range(3):
        lay(
            picture,
            np.maximum(box(x + 22 + 40 * k, y - 58, x + 36 + 40 * k, y - 20), disc(x + 29 + 40 * k, y - 58, 7)),
            "#2a3440",
        )
    lay(picture, np.maximum(box(x - 42, y - 150, x - 28, y - 122), disc(x - 35, y - 150, 7)), "#2a3038")
    lay(picture, np.maximum(box(x - 44, y - 30, x - 24, y + 16), disc(x - 34, y - 30, 10)), "#4a3020")
    ground(picture, hill, rgb(grass) * 0.8, grass, 0.18 * cloudy(rng, 14, 2.0))
    lay(
        picture,
        area(
            curve(
                [
                    (x - 44, 366),
                    (x - 70, 400),
                    (x - 20, 440),
                    (x - 120, 540),
                    (x + 40, 540),
                    (x + 40, 440),
                    (x - 30, 400),
                    (x - 24, 366),
                ],
                80,
            )
        ),
        rgb("#c8b088") * (1 + 0.1 * cloudy(rng, 12))[..., None],
    )
    return picture


@scene
def market_stalls(rng: Rng) -> Array:
    """Striped awnings over heaped crates before house fronts."""
    yy, xx = grid()
    picture, light = draw_sky(rng, 200, "noon", "morning", "evening")
    for x in range(-30, SIZE, 112):
        house(picture, rng, x, 330, 108 + rng.uniform(-8, 4), rng.uniform(180, 230), light)
    ground(picture, 326, "#9a8a7a", "#b0a292", 0.16 * plane_noise(rng, 300, 8))
    for k, x in enumerate((-16, 164, 344)):
        wide, top, y = 158, 232 + rng.uniform(-10, 10), 444 + rng.uniform(-8, 8)
        dye = choose(rng, "#b8362e", "#2f6a4a", "#28508a", "#d8962e", "#7a4a7a")
        lay(picture, box(x + 6, top + 34, x + wide - 6, y - 50), "#1c1814", 0.6)
        lay(picture, blur(disc(x + wide / 2 + 12, y + 6, 0.56 * wide, 10), 4), "#140e0a", 0.6)
        crate = rgb("#8a6440") * light * (1 + 0.12 * cloudy(rng, 12, 5.0) - 0.3 * (yy % 16 < 2))[..., None]
        lay(picture, box(x, y - 60, x + wide, y), crate)
        for j in range(3):
            tint = rgb(choose(rng, "#c8302a", "#e8862a", "#e6c83a", "#6f9434", "#7a2f4a", "#d8d0a8"))
            for row in range(4):
                for fx in np.arange(x + 8 + j * wide / 3 + 5 * (row % 2), x + (j + 1) * wide / 3 - 2, 11):
                    fy = y - 88 + 10 * row + rng.normal(0, 1.4)
                    lay(picture, disc(fx, fy, 7), tint * rng.uniform(0.45, 0.7))
                    lay(picture, disc(fx - 1.5, fy - 2, 5), np.clip(tint * light * rng.uniform(0.9, 1.1), 0, 1))
        for px in (x + 4, x + wide - 4):
            lay(picture, trace([(px, top + 30), (px, y)], 5), "#5a4432")
        if rng.random() < 0.8:
            px, coat = x + rng.uniform(40, 120), rgb(choose(rng, "#e0d8c8", "#3f5a7a", "#7a3a34", "#4a5a40"))
            lay(
                picture,
                area(
                    curve([(px - 24, y - 84), (px - 20, y - 128), (px, y - 138), (px + 20, y - 128), (px + 24, y - 84)])
                ),
                coat * np.clip(1 - (xx - px) / 70, 0.4, 1.2)[..., None],
            )
            lay(picture, disc(px, y - 150, 12, 14), "#c8987a")
            lay(picture, disc(px, y - 158, 13, 9), choose(rng, "#2a2018", "#c8b88a", "#6a4a30"))
        slope = [(x + 10, top - 34), (x + wide - 10, top - 34), (x + wide + 12, top + 28), (x - 12, top + 28)]
        u = (xx - x - wide / 2) / (1 + 0.0022 * (yy - top))
        stripe = (np.floor(u / 17 + k) % 2)[..., None]
        cloth = (stripe * rgb("#efe6d4") + (1 - stripe) * rgb(dye)) * light
        lay(picture, area(slope), cloth * np.clip(1.05 - 0.006 * (yy - top + 34), 0.5, 1.1)[..., None])
        scallops = [oval(x - 12 + 15.2 * (j + 0.5), top + 28, 7.8, 10) for j in range(12)]
        lay(picture, area(*scallops) * (yy > top + 27), cloth * 0.6)
    return picture


@scene
def cottage_garden(rng: Rng) -> Array:
    """A cottage behind flower beds and a tree."""
    picture, light = draw_sky(rng, 300)
    mountains(picture, rng, 292, 18, "#5f7a68", 0.4)
    ground(picture, 318, "#47702f", "#7a9a4a", 0.2 * plane_noise(rng, 300, 10))
    x = rng.uniform(140, 260)
    tree(picture, rng, x - 90, 350, 210, choose(rng, "#4a7a34", "#6f8f3a"), light)
    house(picture, rng, x, 368, 130, 78, light)
    tree(picture, rng, x + 240, 380, 150, choose(rng, "#4a7a34", "#c88a8f", "#8a9a3a"), light)
    for y in np.sort(rng.uniform(376, 520, 190)):
        size = 2 + 0.06 * (y - 366)
        px = rng.uniform(0, SIZE)
        lay(
            picture,
            area(leaf(px, y + 2 * size, 5 * size, 1.6 * size, -1.57 + rng.normal(0, 0.4))),
            rgb("#3f6a30") * rng.uniform(0.6, 1.3),
        )
        tint = rgb(choose(rng, "#d8404a", "#f0c84a", "#f2eee6", "#8a5ac0", "#f08aa8", "#e8863a"))
        if rng.random() < 0.75:
            lay(picture, disc(px, y - 2 * size, 1.5 * size, 1.2 * size), tint * light * rng.uniform(0.7, 1.0))
            lay(picture, disc(px - 0.3 * size, y - 2.4 * size, 0.7 * size), np.clip(tint * light * 1.15, 0, 1))
    return picture

"""Elements of scenes: sky and light, ground, water, mountains, trees, houses; and the registry of scenes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from miniature.painting.filters import blur, smooth_noise
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
    ramp,
    rgb,
    ridge,
    sky,
    taper,
    trace,
)

SCENES: dict[str, Callable[[Rng], Array]] = {}

HOURS = {
    "noon": (("#3f7fc0", "#7fb2dc", "#cfe2ee"), "#fff8e8"),
    "morning": (("#7fa6c8", "#bcd0dc", "#f3e3c8"), "#ffeccf"),
    "evening": (("#3a4a86", "#b87a92", "#f6b070"), "#ffcf9a"),
    "overcast": (("#8d99a4", "#aab4ba", "#ccd2d2"), "#eef0f0"),
}
"""Sky from the zenith to the horizon, and the colour of the light."""


def scene(paint: Callable[[Rng], Array]) -> Callable[[Rng], Array]:
    """Register a scene and add lens effects: slight blur, grain and vignetting."""

    def finished(rng: Rng) -> Array:
        picture = blur(np.clip(paint(rng), 0, 1).astype(np.float32), 0.6)
        yy, xx = grid()
        corners = 1 - 0.16 * (np.hypot(xx - 256, yy - 256) / 362) ** 3
        grain = 0.010 * blur(rng.standard_normal((SIZE, SIZE)).astype(np.float32), 0.7)
        return np.clip(picture * corners[..., None] + grain[..., None], 0, 1).astype(np.float32)

    finished.__doc__ = paint.__doc__
    SCENES[paint.__name__.replace("_", " ")] = finished
    return finished


def choose(rng: Rng, *options: str) -> str:
    return options[int(rng.integers(len(options)))]


def draw_sky(rng: Rng, horizon: float, *hours: str) -> tuple[Array, Array]:
    """A sky with clouds down to the horizon, and the colour of its light."""
    codes, light = HOURS[choose(rng, *(hours or tuple(HOURS)))]
    picture = cv2.resize(sky(*codes), (SIZE, int(horizon) + 1), interpolation=cv2.INTER_AREA)
    picture = np.ascontiguousarray(np.concatenate([picture, np.repeat(picture[-1:], SIZE - len(picture), 0)]))
    clouds = cloudy(rng, rng.uniform(90, 170), 2.2)
    cover = blur(np.clip((clouds - rng.uniform(0.1, 0.9)) * 1.2, 0, 1), 1.5)
    underside = np.clip(0.5 + 1.2 * (clouds - np.roll(clouds, 7, 0)), 0, 1)[..., None]
    lay(picture, 0.85 * cover, rgb(light) * (0.80 + 0.2 * underside))
    return picture, rgb(light)


def plane_noise(rng: Rng, horizon: float, scale: float = 24.0) -> Array:
    """Noise on a plane that extends to the horizon: fine in the distance, coarse in front, zero above."""
    yy, xx = grid()
    depth = 60 / np.maximum(yy - horizon, 1.0)
    u, v = 256 + (xx - 256) * depth * 0.5, 700 * depth
    u, v = (np.abs((w + SIZE) % (2 * SIZE) - SIZE) for w in (u, v))  # mirrored repeatedly, so that there are no seams
    flat = cv2.remap(cloudy(rng, scale), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return flat * np.clip((yy - horizon) / 60, 0, 1)


def ground(picture: Array, top: Array | float, near: str | Array, far: str | Array, texture: Array) -> None:
    """Cover everything below a line, from a far to a near colour, with a texture."""
    yy, _ = grid()
    top = np.broadcast_to(np.float32(top), (SIZE,))
    mask = np.clip(yy - top[None], 0, 1)
    t = np.clip((yy - top.min()) / (SIZE - top.min()), 0, 1)[..., None]
    lay(picture, mask, (colour(far) + t * (colour(near) - colour(far))) * (1 + texture)[..., None])


def water(picture: Array, shore: float, rng: Rng, tint: str = "#2f5a78", calm: float = 0.7) -> None:
    """Mirror the picture above the shore below it, distorted by ripples that grow towards the viewer."""
    yy, xx = grid()
    ripple = plane_noise(rng, shore, 16.0)
    t = np.clip((yy - shore) / (SIZE - shore), 0, 1)
    source = shore - (yy - shore) * 0.9 + ripple * (3 + 12 * t)
    across, up = np.clip(xx + ripple * (1 + 5 * t), 0, SIZE - 1), np.clip(source, 0, shore - 2)
    mirror = cv2.remap(picture, across, up, cv2.INTER_LINEAR)
    mirror = blur(mirror, 1.2)
    bright = 1 + 0.10 * ripple * t
    mixed = (calm - 0.35 * t)[..., None] * mirror + (1 - calm + 0.35 * t)[..., None] * rgb(tint)
    lay(picture, np.clip(yy - shore, 0, 1), mixed * bright[..., None])


def mountains(picture: Array, rng: Rng, base: float, height: float, tint: str, air: float, snow: float = 0.0) -> None:
    """A range with lit and shaded sides; ``air`` mixes in the sky's colour, ``snow`` is the depth of the snow in px."""
    yy, _ = grid()
    top = ridge(rng, base, height, rng.uniform(90, 150)) - 0.2 * height * smooth_noise((4, SIZE), 11, rng)[1]
    rock = cloudy(rng, 60) + 0.02 * (top[None] - yy)
    lit = np.clip(0.5 + 1.6 * (rock - np.roll(rock, (4, 7), (0, 1))), 0, 1)
    body = rgb(tint) * (0.55 + 0.75 * lit)[..., None]
    white = np.clip((snow - (yy - top[None]) + 16 * rock) / 14, 0, 1) * (snow > 0)
    body = body + white[..., None] * (np.float32([0.95, 0.96, 1.0]) * (0.72 + 0.28 * lit)[..., None] - body)
    haze = picture[max(0, int(base) - 60)].mean(0)
    lay(picture, np.clip(yy - top[None], 0, 1), body + air * (haze - body))


def tree(picture: Array, rng: Rng, x: float, y: float, size: float, tint: str, light: Array) -> None:
    """A broad-leaved tree with its foot at (x, y): clumps of leaves, lit from the upper left, on a stem."""
    lay(picture, disc(x + 0.25 * size, y, 0.5 * size, 0.07 * size), "#1c2418", 0.45)
    bark = np.clip(0.6 + 0.2 * cloudy(rng, 8), 0, 1)
    lay(
        picture,
        area(taper(curve([(x, y), (x + 0.02 * size, y - 0.3 * size), (x, y - 0.6 * size)]), 0.1 * size, 0.05 * size)),
        ramp(bark, "#2a2018", "#6a5240"),
    )
    count = 90
    a, r = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    cx, cy = 0.36 * size * r * np.cos(a), 0.30 * size * r * np.sin(a) - 0.68 * size
    order = np.argsort(-cy - 0.4 * cx + rng.normal(0, 0.1 * size, count))[::-1]
    lit = np.clip(0.5 - (cx / (0.9 * size)) - (cy + 0.68 * size) / (0.7 * size), 0, 1)
    edge = smooth_noise((SIZE, SIZE), max(2.0, 0.03 * size), rng)
    for i in order[np.argsort(lit[order], kind="stable")]:
        clump = disc(x + cx[i], y + cy[i], *(0.09 * size * rng.uniform(0.7, 1.3, 2)))
        tone = rgb(tint) * (0.35 + 0.95 * lit[i]) * (0.55 + 0.45 * light)
        lay(picture, clump * np.clip(0.95 + 0.5 * edge, 0, 1), tone * rng.uniform(0.9, 1.1))


def conifer(picture: Array, rng: Rng, x: float, y: float, tall: float, tint: str | Array) -> None:
    """A fir tree."""
    tiers = []
    for t in np.linspace(0.06, 1, 11):
        half, level = 0.24 * tall * t * rng.uniform(0.8, 1.1), y - tall * (1.02 - t)
        tiers.append(
            [
                (x, level - 0.14 * tall),
                (x + half, level + 0.03 * tall),
                (x + 0.4 * half, level),
                (x - 0.4 * half, level),
                (x - half, level + 0.03 * tall),
            ]
        )
    _, xx = grid()
    shade = np.clip(1.0 - 1.6 * (xx - x) / tall + 0.16 * smooth_noise((SIZE, SIZE), 5, rng), 0.45, 1.5)
    lay(picture, area(*tiers), colour(tint) * shade[..., None])


def box(x0: float, y0: float, x1: float, y1: float) -> Array:
    return area([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def house(picture: Array, rng: Rng, x: float, y: float, wide: float, tall: float, light: Array) -> None:
    """A gabled house with its lower left corner at (x, y): lit front, side in shade, tiled roof, windows, door."""
    wall = rgb(choose(rng, "#e8dcc4", "#d9b48a", "#c9887a", "#e6e2da", "#a9b8b4", "#d8c06a")) * light
    plaster = (1 + 0.04 * cloudy(rng, 40))[..., None]
    deep, roof = 0.35 * wide, 0.42 * wide
    tiles = (rgb(choose(rng, "#9a4a36", "#6a4a42", "#7a3a30", "#50565e")) * light) * (1 + 0.10 * cloudy(rng, 5, 3.0))[
        ..., None
    ]
    lay(picture, disc(x + 0.7 * wide, y, 0.8 * wide, 0.06 * tall), "#181a1c", 0.4)
    lay(
        picture,
        area([(x + wide, y), (x + wide + deep, y - 0.04 * tall), (x + wide + deep, y - tall), (x + wide, y - tall)]),
        0.58 * wall * plaster,
    )
    lay(
        picture,
        area([(x, y), (x + wide, y), (x + wide, y - tall), (x + wide / 2, y - tall - roof), (x, y - tall)]),
        wall * plaster,
    )
    lay(
        picture,
        area(
            [
                (x + wide / 2 - 2, y - tall - roof - 3),
                (x + wide / 2 + deep, y - tall - roof),
                (x + wide + deep + 5, y - tall + 4),
                (x + wide + 4, y - tall + 5),
            ]
        ),
        tiles,
    )
    lay(
        picture,
        trace([(x - 5, y - tall + 4), (x + wide / 2, y - tall - roof - 2), (x + wide + 4, y - tall + 5)], 4),
        tiles * 0.75,
    )
    rows = max(1, int(tall / 46))
    panes = ramp(np.clip(0.4 + 0.25 * cloudy(rng, 20), 0, 1), "#1a222c", "#5a7a92")
    for i in range(rows):
        for j in (0.2, 0.62):
            left, up = x + j * wide, y - tall + 12 + i * tall / rows
            w, h = 0.17 * wide, min(0.5 * tall / rows, 0.3 * wide)
            lay(picture, box(left - 2, up - 2, left + w + 2, up + h + 2), 0.85 * np.minimum(1.15 * wall, 1))
            lay(
                picture,
                box(left, up, left + w, up + h),
                panes,
            )
    lay(
        picture,
        box(x + 0.42 * wide, y - 0.3 * min(tall, 90), x + 0.58 * wide, y),
        choose(rng, "#4a2f22", "#2f4a3a", "#2f3a5a"),
    )

"""Palette knife."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, bristles, pick, polygons, relief, scatter, smooth_noise
from miniature.painting.shapes import SIZE, Array, Rng, area, cloudy, curve, disc, glow, grid, lay, ramp, sky
from miniature.painting.strokes import fresh_canvas


def sunset(rng: Rng) -> Array:
    """A sunset over the sea, painted with a wide palette knife."""
    yy, xx = grid()
    horizon, sun = 268, (318, 236)
    scene = sky("#1d2a5c", "#51407e", "#b4537c", "#f0794f", "#ffc25e", "#ffdf8a")
    scene[:horizon] = cv2.resize(scene, (SIZE, horizon))
    lay(scene, 0.8 * glow(*sun, 90) * (yy < horizon), "#ffe49a")
    bank = np.clip(cloudy(rng, 120, 3.0) - 0.25, 0, 1) * np.exp(-(((yy - 120) / 95) ** 2))
    lay(scene, np.clip(1.7 * bank, 0, 1), ramp(yy / horizon, "#27264f", "#7a3d6e", "#e8604c"))
    lay(scene, disc(*sun, 40), "#fff3c4")
    sea = yy >= horizon
    depth = np.clip((yy - horizon) / (SIZE - horizon), 0, 1)
    scene[sea] = ramp(depth, "#e08a63", "#8d567f", "#2f4a80", "#123058", "#0b1f42")[sea]
    swell = cv2.resize(smooth_noise((SIZE, 90), 12, rng), (SIZE, SIZE))
    lay(scene, sea * np.clip(swell - 0.3, 0, 1) * (1 - depth), "#3fa0a8", 0.8)
    lane = np.exp(-(((xx - sun[0]) / (26 + 70 * depth)) ** 2)) * np.clip(1.1 + 0.6 * swell - 0.9 * depth, 0, 1)
    lay(scene, sea * lane, "#ffd071")
    rock = area(curve([(-9, 520), (-9, 318), (42, 300), (84, 330), (118, 338), (150, 386), (196, 404), (214, 520)], 60))
    lay(
        scene,
        rock,
        ramp(
            np.clip(0.5 + (xx - 90) / 170 + 0.2 * smooth_noise((SIZE, SIZE), 22, rng), 0, 1),
            "#141531",
            "#3a2748",
            "#a2524f",
        ),
    )
    angle = 0.25 * smooth_noise((SIZE, SIZE), 110, rng) + np.where(rock > 0.5, 0.75, 0)
    angle[sea & (rock < 0.5)] *= 0.25
    canvas = fresh_canvas(scene, None)
    for width, long in ((30, 3.0), (22, 2.6), (14, 2.4)):
        _slabs(canvas, scene, angle, rng, width, long)
    _ball(canvas, sun, 38, rng)
    drag = bristles(angle, 60, rng, 2.2)
    return relief(canvas[..., :3] + 0.018 * drag[..., None], blur(canvas[..., 3], 1.0) + 0.07 * drag, 0.17)


def _slabs(canvas: Array, source: Array, angle: Array, rng: Rng, width: float, long: float) -> None:
    """One layer of knife strokes, each with a ridge of paint along one edge."""
    points = scatter((SIZE, SIZE), width * 0.85, rng)
    xy, n = points.astype(int), len(points)
    theta = pick(angle, xy) + rng.normal(0, 0.07, n)
    tint = np.clip(
        pick(blur(source, 0.28 * width), xy) + rng.normal(0, 0.035, (n, 1)) + rng.normal(0, 0.02, (n, 3)), 0, 1
    )
    u = np.stack([np.cos(theta), np.sin(theta)], 1) * (0.5 * width * long * rng.uniform(0.6, 1.2, n))[:, None]
    v = np.stack([-np.sin(theta), np.cos(theta)], 1) * (0.5 * width * rng.uniform(0.6, 1.0, n))[:, None]
    body = np.stack([points - u - v, points + 0.9 * u - v, points + u + 0.6 * v, points - 0.9 * u + v], 1)
    lip = np.stack([points - 0.9 * u + 0.75 * v, points + u + 0.4 * v, points + u + 0.6 * v, points - 0.9 * u + v], 1)
    height = rng.uniform(0, 0.7, (n, 1))
    polygons(canvas, np.stack([body, lip], 1).reshape(-1, 4, 2), np.stack(
        [np.concatenate([tint, height], 1), np.concatenate([np.clip(tint * 1.06, 0, 1), height + 0.9], 1)], 1
    ).reshape(-1, 4))  # fmt: skip


def _ball(canvas: Array, centre: tuple[float, float], radius: float, rng: Rng) -> None:
    """A disc of paint spread with a circular movement of the knife."""
    yy, xx = grid()
    turn = np.arctan2(yy - centre[1], xx - centre[0])
    wave = 0.5 * np.sin(3 * turn + 0.25 * np.hypot(xx - centre[0], yy - centre[1])) + 0.2 * rng.random()
    mask = disc(*centre, radius)
    lay(canvas[..., :3], mask, ramp(0.5 + 0.5 * wave, "#ffd978", "#fff4c8"))
    canvas[..., 3] += mask * (1.2 + 0.5 * wave - canvas[..., 3])

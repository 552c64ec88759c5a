"""Pointillism."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, scatter
from miniature.painting.shapes import SIZE, Array, Rng, rgb, sky


def garden(rng: Rng) -> Array:
    """A path through flower beds under trees, in dots of pure colours and their complements."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = sky("#9fd0ee", "#cfe7ef", "#f7eec4", "#a9cf6a", "#5fa34a", "#3f8a44")
    path = np.abs(xx - 250 - 60 * np.sin(yy / 95)) < np.clip((yy - 230) * 0.32, 0, 120)
    scene[path & (yy > 230)] = rgb("#f0cfa0")
    scene[(np.abs(xx - 262 - 60 * np.sin(yy / 95)) > np.clip((yy - 230) * 0.30, 0, 120)) & path & (yy > 230)] = rgb(
        "#b58bc4"
    )
    for _ in range(46):
        y = rng.uniform(250, 505)
        x = rng.uniform(0, SIZE)
        if abs(x - 250 - 60 * np.sin(y / 95)) < (y - 230) * 0.32 + 14:
            continue
        code = ("#e23b5a", "#f7c531", "#f2f2f2", "#8d4fc4", "#f2803a", "#f58fb4")[int(rng.integers(6))]
        cv2.ellipse(
            scene,
            (int(x), int(y)),
            (int(8 + (y - 240) * 0.13), int(5 + (y - 240) * 0.07)),
            0,
            0,
            360,
            rgb(code).tolist(),
            -1,
        )
    for x, y, r in ((70, 150, 96), (160, 190, 60), (440, 140, 110), (350, 205, 52)):
        cv2.line(scene, (x, y), (x - 4, y + int(1.35 * r)), rgb("#5b3f5e").tolist(), max(6, r // 8))
        for _ in range(16):
            dx, dy = rng.normal(0, 0.42 * r, 2)
            code = ("#2f7d4a", "#4fa352", "#8fc24f", "#2a5f7a")[int(rng.integers(4))]
            cv2.circle(scene, (int(x + dx), int(y + 0.8 * dy)), int(0.36 * r), rgb(code).tolist(), -1)
    cv2.circle(scene, (258, 70), 30, rgb("#fff2a6").tolist(), -1)
    canvas = np.ascontiguousarray(scene * 0.5 + 0.5 * rgb("#f1e6cd"), dtype=np.float32)
    for radius in (6.5, 5.0, 4.0):
        points = scatter((SIZE, SIZE), radius * 1.75, rng, 0.5)
        xy = np.clip(points.astype(int), 0, SIZE - 1)
        colour = blur(scene, 1.5)[xy[:, 1], xy[:, 0]]
        other = rng.random(len(points)) < 0.13
        colour[other] = 1 - colour[other] * 0.75
        colour = np.clip(colour + rng.normal(0, 0.09, colour.shape), 0, 1)
        for (x, y), c in zip(np.round(points * 8).astype(int).tolist(), colour.tolist(), strict=True):
            cv2.circle(canvas, (x, y), int(8 * radius * 0.82), c, -1, cv2.LINE_8, 3)
    return blur(canvas, 0.7)

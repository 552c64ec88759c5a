"""Layers of brush strokes on a canvas with colour and paint height."""

from __future__ import annotations

import numpy as np

from miniature.painting.filters import Array, Rng, blur, grey, pick, scatter, thinned, threads


def strokes(
    canvas: Array, source: Array, angle: Array, rng: Rng, *, width: float, length: float, spacing: float,
    jitter: float, detail: Array | None = None, skip: float = 0.0, bend: float = 0.0,
) -> Array:  # fmt: skip
    """Paint one layer of strokes onto a (h, w, 4) canvas of colour and paint height, in place.

    Args:
        source: what to paint, (h, w, 3) in [0, 1].
        angle: direction of the strokes, radians.
        jitter: standard deviation of the colour between strokes.
        detail: (h, w), probability that a stroke is painted.
        skip: share of strokes that is left out.
        bend: how closely a stroke follows the direction field (0: straight).
    """
    points = scatter(grey(source).shape, spacing, rng)
    if skip:
        points = points[rng.random(len(points)) >= skip]
    points = thinned(points, detail, rng)
    xy, n = points.astype(int), len(points)
    colours = pick(blur(source, 0.35 * width), xy) + rng.normal(0, jitter, (n, 3)) * 0.6 + rng.normal(0, jitter, (n, 1))
    heights = rng.uniform(0.2, 1.0, n)
    theta = pick(angle, xy) + rng.normal(0, 0.12, n)
    half = 0.5 * length * rng.uniform(0.6, 1.3, n)
    step = np.stack([np.cos(theta), np.sin(theta)], 1) * half[:, None]
    first, last = points - step, points + step
    if bend:
        t1, t2 = pick(angle, first.astype(int)), pick(angle, last.astype(int))
        t1 += np.pi * np.round((theta - t1) / np.pi)
        t2 += np.pi * np.round((theta - t2) / np.pi)
        t1, t2 = (theta + bend * t1) / (1 + bend), (theta + bend * t2) / (1 + bend)
        first = points - np.stack([np.cos(t1), np.sin(t1)], 1) * half[:, None]
        last = points + np.stack([np.cos(t2), np.sin(t2)], 1) * half[:, None]
    thick = np.maximum(1, np.round(width * rng.uniform(0.7, 1.2, n))).astype(int)
    colour = np.concatenate([np.clip(colours, 0, 1), heights[:, None]], 1)
    threads(canvas, np.stack([first, points, last], 1), thick, colour)
    return canvas


def fresh_canvas(rgb: Array, ground: Array | float | None) -> Array:
    """A (h, w, 4) canvas with the ground (the picture itself if ``None``) and zero paint height."""
    base = np.broadcast_to(np.asarray(rgb if ground is None else ground, dtype=np.float32), rgb.shape)
    return np.ascontiguousarray(np.concatenate([base, np.zeros((*rgb.shape[:2], 1), np.float32)], -1), dtype=np.float32)

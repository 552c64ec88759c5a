"""Shapes and light of pictures drawn in code: colours, skies, ridges, soft masks; float32 (512, 512[, 3])."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from miniature.painting.filters import Array, Rng, smooth_noise

Points = Sequence[tuple[float, float]] | Array
SIZE = 512


def rgb(code: str) -> Array:
    """ "#rrggbb" to three floats in [0, 1]."""
    return np.float32([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def colour(code: str | Array) -> Array:
    return rgb(code) if isinstance(code, str) else code


def grid() -> tuple[Array, Array]:
    """y and x of every pixel."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    return yy, xx


def sky(*codes: str) -> Array:
    """A vertical gradient through the given colours."""
    stops = np.linspace(0, 1, len(codes))
    table = np.stack([rgb(c) for c in codes])
    rows = np.stack([np.interp(np.linspace(0, 1, SIZE), stops, table[:, i]) for i in range(3)], -1)
    return np.ascontiguousarray(np.broadcast_to(rows[:, None], (SIZE, SIZE, 3)), dtype=np.float32)


def ramp(tone: Array, *codes: str) -> Array:
    """Map tones in [0, 1] to a gradient through the given colours."""
    stops, table = np.linspace(0, 1, len(codes)), np.stack([rgb(c) for c in codes])
    return np.stack([np.interp(tone, stops, table[:, i]) for i in range(3)], -1).astype(np.float32)


def ridge(rng: Rng, base: float, height: float, scale: float) -> Array:
    """The outline of a chain of hills: y for every x."""
    noise = smooth_noise((4, SIZE), scale, rng)[1] + 0.35 * smooth_noise((4, SIZE), scale / 4, rng)[1]
    return base - height * noise


def below(scene: Array, line: Array, tint: Array) -> None:
    scene[np.arange(SIZE)[:, None] > line[None]] = tint


def polygon(scene: Array, points: Points, code: str) -> None:
    cv2.fillPoly(scene, [_eighths(points)], rgb(code).tolist(), cv2.LINE_8, 3)


def _eighths(points: Points) -> Array:
    return np.round(np.array(points) * 8).astype(np.int32)


def area(*shapes: Points) -> Array:
    """Antialiased mask in [0, 1] of the polygons."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for points in shapes:
        cv2.fillPoly(mask, [_eighths(points)], 255, cv2.LINE_AA, 3)
    return mask.astype(np.float32) / 255


def disc(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Array:
    """Antialiased mask of an ellipse, rotated by ``turn`` radians."""
    return area(oval(x, y, rx, ry, turn))


def oval(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Array:
    """(64, 2) points around an ellipse."""
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    u, v = rx * np.cos(t), (rx if ry is None else ry) * np.sin(t)
    return np.stack([x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], 1)


def trace(points: Points, width: float, closed: bool = False) -> Array:
    """Antialiased mask of a line through the points."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.polylines(mask, [_eighths(points)], closed, 255, max(1, round(width)), cv2.LINE_AA, 3)
    return mask.astype(np.float32) / 255


def taper(points: Points, first: float, last: float) -> Array:
    """The outline of a line whose width changes from ``first`` to ``last``: a stem, a branch, a leaf tip."""
    path = np.asarray(points, dtype=float)
    along = np.gradient(path, axis=0)
    side = np.stack([-along[:, 1], along[:, 0]], 1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-6)
    half = 0.5 * np.linspace(first, last, len(path))[:, None]
    return np.concatenate([path + side * half, (path - side * half)[::-1]])


def leaf(x: float, y: float, length: float, width: float, turn: float) -> Array:
    """The outline of a pointed leaf (a lens shape, also used for gouge marks) with its stalk at (x, y)."""
    t = np.linspace(0, 1, 14)
    bulge = 0.5 * width * np.sin(np.pi * t**0.8)
    u, v = np.concatenate([t * length, t[::-1] * length]), np.concatenate([bulge, -bulge[::-1]])
    return np.stack([x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], 1)


def curve(points: Points, count: int = 80) -> Array:
    """(count, 2) points on a smooth curve through the given points (Catmull-Rom)."""
    p = np.asarray(points, dtype=float)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3 - 1e-6, count)
    i, f = t.astype(int), (t % 1)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)


def lay(scene: Array, mask: Array, tint: str | Array, opacity: float = 1.0) -> None:
    """Blend a colour or a picture into the scene in place, with the mask as its opacity."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    paint = colour(tint)
    scene[part] += (opacity * mask[part])[..., None] * ((paint[part] if paint.ndim == 3 else paint) - scene[part])


def cloudy(rng: Rng, scale: float, stretched: float = 1.0) -> Array:
    """Fractal noise from ``scale`` pixels down, ``stretched`` horizontally; zero mean and unit standard deviation."""
    h, w = SIZE, max(8, int(SIZE / stretched))
    noise = sum(0.55**k * smooth_noise((h, w), max(1.5, scale / 2**k), rng) for k in range(5))
    noise = cv2.resize(np.asarray(noise, np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def glow(x: float, y: float, radius: float) -> Array:
    """Gaussian falloff around a point."""
    yy, xx = grid()
    return np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * radius**2))

"""Strands along guides, curls, and their highlights."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.avatars.data.attributes import Rng
from miniature.avatars.drawing.canvas import SHIFT, Canvas
from miniature.painting.shapes import Array, Points, curve

MIDDLE = 112


def guides(*lines: Points, count: int = 24) -> Array:
    """(g, count, 2) smooth lines from roots to tips, ordered from side to side."""
    return np.stack([curve(line, count) for line in lines])


def between(lines: Array, share: Array) -> Array:
    """(n, count, 2) lines interpolated between the guides at positions in [0, 1]."""
    place = np.clip(share, 0, 1) * (len(lines) - 1)
    left = np.minimum(place.astype(int), len(lines) - 2)
    f = (place - left)[:, None, None]
    return lines[left] * (1 - f) + lines[left + 1] * f


def mass(
    canvas: Canvas, outline: Points, lines: Array, table: Array, rng: Rng, count: int = 90, *, shine: float = 0.3,
    gloss: float = 1.0, wave: float = 0.0, dark: float = 0.0, edge: float = 0.5, clip: Array | None = None,
) -> None:  # fmt: skip
    """Hair within an outline.

    Args:
        lines: (g, k, 2) guides; strands run between neighbours.
        table: (256, 3) colours from dark to highlight.
        shine: position of the highlight along the strands, 0 at the roots.
        wave: amplitude of waves.
        dark: darkening, 1 for black, used for hair behind the head.
    """
    box, mask = canvas.raster(outline)
    if mask.size == 0:
        return
    corner = np.array([box[1].start, box[0].start])
    share = np.clip((np.arange(count) + rng.uniform(0, 1, count)) / count, 0, 1)
    paths = between(lines, share)
    paths = paths + rng.normal(0, 0.004, (count, 1, 2))
    if wave:
        t = np.linspace(0, 1, paths.shape[1])
        swing = wave * np.sin(7.5 * t[None] + 5 * share[:, None] + rng.uniform(0, 0.8, (count, 1))) * t**0.5
        paths[..., 0] += swing
    values = np.clip(MIDDLE + 34 * rng.standard_normal(count), 34, 178)
    thick = rng.choice([0.005, 0.009, 0.015], count, p=[0.4, 0.4, 0.2])
    lit = (rng.uniform(0, 1, count) < 0.6 * gloss, shine + rng.normal(0, 0.035, count), rng.uniform(0.05, 0.13, count))
    bright = rng.uniform(178, 226, count)
    tone = np.full(mask.shape, MIDDLE, np.uint8)
    placed = np.round((canvas.place(paths.reshape(-1, 2)).reshape(paths.shape) - corner) * 2**SHIFT).astype(np.int32)
    order = rng.permutation(count)
    for i in order:
        pen = max(1, round(thick[i] * canvas.pixels))
        cv2.polylines(tone, [placed[i]], False, float(values[i]), pen, cv2.LINE_AA, SHIFT)
    steps = paths.shape[1]
    for i in order:
        if not lit[0][i]:
            continue
        first, last = int((lit[1][i] - lit[2][i]) * steps), int((lit[1][i] + lit[2][i]) * steps) + 2
        pen = max(1, round(0.005 * canvas.pixels))
        cv2.polylines(tone, [placed[i][max(0, first) : last]], False, float(bright[i]), pen, cv2.LINE_AA, SHIFT)
    _paint(canvas, box, mask, tone, table, dark, clip)
    if edge:
        canvas.ring(outline, 0.0065, table[16], edge, clip=clip)


def _paint(
    canvas: Canvas, box: tuple[slice, slice], mask: Array, tone: Array, table: Array, dark: float, clip: Array | None
) -> None:
    soft = cv2.GaussianBlur(tone, (0, 0), max(0.4, 0.0022 * canvas.pixels)).astype(np.float32)
    fall = np.linspace(12, -22, tone.shape[0], dtype=np.float32)[:, None]
    levels = np.clip((soft + fall) * (1 - 0.55 * dark), 0, 255).astype(np.uint8)
    canvas.lay(box, mask, table[levels], 1.0, clip)


def curls(
    canvas: Canvas, centres: Array, radii: Array, table: Array, rng: Rng, visible: Array, *, dark: float = 0.0,
    lit: float = 1.0,
) -> None:  # fmt: skip
    """Draw round shaded curls in the given order; only those that are ``visible``."""
    placed, sizes = canvas.place(centres), radii * canvas.pixels * np.sqrt(abs(np.linalg.det(canvas.pose[:, :2])))
    box = canvas.box(placed, float(sizes.max()) + 3)
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    if min(shape) < 1:
        return
    corner = np.array([box[1].start, box[0].start])
    mask, tone = np.zeros(shape, np.uint8), np.full(shape, 60, np.uint8)
    base, turn = np.clip(MIDDLE + 20 * rng.standard_normal(len(radii)), 62, 160), rng.uniform(0, 360, len(radii))
    unit = 2**SHIFT

    def arc(middle: tuple[int, int], r: float, at: float, first: int, last: int, value: float, pen: float) -> None:
        axes = (round(r), round(0.9 * r))
        cv2.ellipse(
            tone, middle, axes, at, first, last, float(np.clip(value, 18, 236)), max(1, round(pen)), cv2.LINE_AA, SHIFT
        )

    for (x, y), radius, value, angle in zip(
        ((placed - corner) * unit)[visible], (sizes * unit)[visible], base[visible], turn[visible], strict=True
    ):
        middle, pen = (round(x), round(y)), 0.17 * radius / unit
        cv2.circle(mask, middle, round(radius), 255, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(tone, middle, round(radius), float(value), -1, cv2.LINE_AA, SHIFT)
        arc(middle, radius, 0, -20, 130, value - 46, pen)
        if pen > 0.8:
            arc(middle, 0.68 * radius, angle, 0, 250, value + 24, 0.8 * pen)
            arc(middle, 0.40 * radius, angle + 60, 0, 250, value - 26, 0.8 * pen)
        arc(middle, 0.80 * radius, 0, 190, 275, value + 70 * lit, pen)
    _paint(canvas, box, mask.astype(np.float32) / 255, tone, table, dark, None)


def scatter(outline: Points, step: float, rng: Rng, jitter: float = 0.35) -> Array:
    """Points of a jittered hexagonal grid inside an outline."""
    shape = np.asarray(outline, np.float32)
    low, high = shape.min(0), shape.max(0)
    ys = np.arange(low[1], high[1] + step, step * 0.87)
    points = np.concatenate([
        np.stack([np.arange(low[0] + (k % 2) * step / 2, high[0] + step, step), np.full_like(
            np.arange(low[0] + (k % 2) * step / 2, high[0] + step, step), y)], 1)
        for k, y in enumerate(ys)
    ])  # fmt: skip
    points = points + rng.uniform(-jitter, jitter, points.shape) * step
    inside = [cv2.pointPolygonTest(shape, (float(x), float(y)), False) >= 0 for x, y in points]
    return points[np.array(inside, bool)]

"""Styles made of single strokes: oil, impasto, swirls, knife, dots, pastel, felt, coloured pencil, dry brush."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.fields import (
    blur,
    bristles,
    circles,
    flow,
    grey,
    paper,
    pick,
    polygons,
    relief,
    scatter,
    smooth_noise,
    streaks,
    thinned,
    threads,
)  # fmt: skip
from miniature.registry import Array, Params, style

Rng = np.random.Generator


def strokes(
    canvas: Array, source: Array, angle: Array, rng: Rng, *, width: float, length: float, spacing: float,
    jitter: float, detail: Array | None = None, skip: float = 0.0, bend: float = 0.0,
) -> Array:  # fmt: skip
    """Paint one layer of strokes onto a (h, w, 4) canvas of colour and paint height.

    Args:
        source: what to paint, (h, w, 3) in [0, 1].
        angle: direction of the strokes, radians.
        jitter: deviation of the colour from stroke to stroke.
        detail: (h, w), strokes are set where it exceeds a uniform draw.
        skip: share of strokes left out.
        bend: how far a stroke follows the field (0: straight).
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
    """(h, w, 4): the ground (the picture itself without one) and no paint height yet."""
    base = np.broadcast_to(np.asarray(rgb if ground is None else ground, dtype=np.float32), rgb.shape)
    return np.ascontiguousarray(np.concatenate([base, np.zeros((*rgb.shape[:2], 1), np.float32)], -1), dtype=np.float32)


def busy(rgb: Array) -> Array:
    tone = grey(rgb)
    gx, gy = cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1)
    mag = blur(np.sqrt(gx * gx + gy * gy), 2.0)
    return np.clip(mag / (np.percentile(mag, 90) + 1e-6), 0, 1)


def _oil(rgb: Array, p: Params, rng: Rng) -> tuple[Array, Array]:
    angle = flow(grey(rgb), rng, own=p["own"], scale=p["scale"], base=p["base"])
    canvas = fresh_canvas(blur(rgb, 3), None)
    width = p["width"]
    strokes(
        canvas,
        rgb,
        angle,
        rng,
        width=width * 1.6,
        length=p["long"] * width * 1.8,
        spacing=width * 1.1,
        jitter=p["jitter"],
        bend=1,
    )
    strokes(
        canvas,
        rgb,
        angle,
        rng,
        width=width,
        length=p["long"] * width,
        spacing=width * 0.9,
        jitter=p["jitter"],
        detail=0.35 + busy(rgb),
        bend=1,
    )
    if width > 4:
        strokes(
            canvas,
            rgb,
            angle,
            rng,
            width=width * 0.5,
            length=p["long"] * width * 0.5,
            spacing=width * 0.55,
            jitter=p["jitter"],
            detail=0.8 * busy(rgb),
            bend=1,
        )
    return canvas, angle


@style(
    "oil brush strokes",
    "oil painting with visible strokes",
    "thick oil brush marks",
    width=(3.0, 9.0),
    long=(2.0, 5.0),
    own=(0.2, 1.2),
    scale=(40.0, 120.0),
    base=(0.0, 3.14),
    jitter=(0.02, 0.07),
    bristle=(0.01, 0.05),
)
def oil(rgb: Array, p: Params, rng: Rng) -> Array:
    canvas, angle = _oil(rgb, p, rng)
    return canvas[..., :3] + p["bristle"] * bristles(angle, 10, rng)[..., None]


@style(
    "impasto, raised paint",
    "heavy impasto",
    "thick relief of paint",
    width=(4.0, 10.0),
    long=(1.8, 4.0),
    own=(0.2, 1.5),
    scale=(40.0, 120.0),
    base=(0.0, 3.14),
    jitter=(0.02, 0.06),
    light=(0.1, 0.25),
    side=(0.0, 6.28),
)
def impasto(rgb: Array, p: Params, rng: Rng) -> Array:
    canvas, angle = _oil(rgb, p, rng)
    height = blur(canvas[..., 3], 0.7) + 0.12 * bristles(angle, 12, rng)
    return relief(canvas[..., :3], height, p["light"], p["side"])


@style(
    "swirling strokes",
    "long curling brush strokes",
    "turbulent flowing lines of paint",
    width=(2.5, 6.0),
    long=(4.0, 8.0),
    scale=(30.0, 80.0),
    jitter=(0.04, 0.12),
    own=(1.5, 3.0),
    light=(0.0, 0.15),
)
def swirl(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = flow(grey(rgb), rng, own=p["own"], scale=p["scale"], base=rng.uniform(0, np.pi))
    canvas = fresh_canvas(blur(rgb, 4), None)
    for width, share in ((p["width"] * 1.4, 0.0), (p["width"], 0.25)):
        strokes(
            canvas,
            rgb,
            angle,
            rng,
            width=width,
            length=p["long"] * width,
            spacing=width * 1.2,
            jitter=p["jitter"],
            skip=share,
            bend=2,
        )
    out = streaks(canvas, angle, 4)
    return relief(out[..., :3], blur(out[..., 3], 0.6), p["light"])


@style(
    "palette knife slabs",
    "broad flat knife strokes",
    "painted in slabs with a knife",
    width=(9.0, 18.0),
    long=(1.2, 2.2),
    base=(0.0, 3.14),
    own=(0.5, 2.0),
    jitter=(0.02, 0.07),
    light=(0.08, 0.25),
)
def knife(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = flow(grey(rgb), rng, own=p["own"], scale=200.0, base=p["base"])
    canvas = fresh_canvas(blur(rgb, 4), None)
    for width, detail in ((p["width"], None), (p["width"] * 0.55, 0.1 + 0.9 * busy(rgb))):
        source = blur(rgb, width * 0.3)
        points = thinned(scatter(angle.shape, width * 0.8, rng), detail, rng)
        xy = points.astype(int)
        theta, colour = pick(angle, xy), pick(source, xy)
        n = len(points)
        u = np.stack([np.cos(theta), np.sin(theta)], 1) * (0.5 * width * p["long"] * rng.uniform(0.7, 1.3, n))[:, None]
        v = np.stack([-np.sin(theta), np.cos(theta)], 1) * (0.5 * width * rng.uniform(0.5, 1.0, n))[:, None]
        corners = np.stack([points - u - v, points + u - 0.8 * v, points + u + v, points - u + 0.7 * v], 1)
        colour = np.clip(colour + rng.normal(0, p["jitter"], (n, 1)), 0, 1)
        polygons(canvas, corners, np.concatenate([colour, rng.uniform(0, 1, (n, 1))], 1))
    height = canvas[..., 3] + 0.1 * bristles(angle, 16, rng, 1.5)
    return relief(canvas[..., :3], height, p["light"])


@style(
    "pointillist dots",
    "small dots of pure colour",
    "points of paint",
    radius=(1.5, 4.5),
    spacing=(1.5, 2.0),
    jitter=(0.05, 0.16),
    ground=(0.6, 0.97),
    layers=[1, 2],
    boost=(1.0, 1.6),
)
def pointillism(rgb: Array, p: Params, rng: Rng) -> Array:
    r = p["radius"]
    tone = grey(rgb)[..., None]
    vivid = np.clip(tone + (rgb - tone) * p["boost"], 0, 1)
    canvas = np.full(rgb.shape, p["ground"], np.float32) * 0.5 + 0.5 * rgb.mean((0, 1))
    canvas = np.ascontiguousarray(canvas, dtype=np.float32)
    for _ in range(p["layers"]):
        points = scatter(rgb.shape[:2], r * p["spacing"], rng)
        colour = pick(blur(vivid, 0.5 * r), points.astype(int))
        colour = np.clip(colour + rng.normal(0, p["jitter"], colour.shape), 0, 1)
        circles(canvas, points, r * rng.uniform(0.75, 1.15, len(points)), colour)
    return canvas


@style(
    "soft pastel",
    "chalky pastel strokes",
    "pastel on toothed paper",
    width=(2.0, 5.0),
    long=(4.0, 8.0),
    base=(0.3, 2.8),
    own=(0.5, 2.0),
    jitter=(0.02, 0.05),
    ground=(0.35, 0.95),
    tooth=(0.35, 0.9),
)
def pastel(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = flow(grey(rgb), rng, own=p["own"], scale=150.0, base=p["base"])
    canvas = fresh_canvas(rgb, 0.5 * p["ground"] + 0.5 * rgb.mean((0, 1)))
    strokes(
        canvas,
        rgb,
        angle,
        rng,
        width=p["width"],
        length=p["long"] * p["width"],
        spacing=p["width"] * 1.1,
        jitter=p["jitter"],
    )
    tooth = paper(rgb.shape[:2], rng, 1.6) + 0.8 * bristles(angle, 6, rng)
    cover = 1 / (1 + np.exp(-(tooth + 1.1) / (0.6 - 0.4 * p["tooth"])))
    ground = 0.5 * p["ground"] + 0.5 * rgb.mean((0, 1))
    return ground + (canvas[..., :3] - ground) * cover[..., None]


@style(
    "felted wool",
    "curly wool fibres",
    "short threads of felt",
    length=(5.0, 10.0),
    jitter=(0.05, 0.12),
    spacing=(2.2, 3.2),
    keep=0.3,
)
def felt(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = smooth_noise(rgb.shape[:2], 6.0, rng) * 3.0
    canvas = fresh_canvas(blur(rgb, 2) * 0.85, None)
    strokes(canvas, rgb, angle, rng, width=1.2, length=p["length"], spacing=p["spacing"], jitter=p["jitter"], bend=2)
    return canvas[..., :3]


@style(
    "coloured pencil",
    "coloured pencil hatching",
    "crayon strokes",
    base=(0.3, 2.8),
    width=(1.6, 2.8),
    spacing=(1.5, 2.2),
    jitter=(0.02, 0.05),
    paper=(0.9, 0.98),
    long=(10.0, 22.0),
)
def crayon(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = np.full(rgb.shape[:2], p["base"], np.float32) + 0.25 * smooth_noise(rgb.shape[:2], 60.0, rng)
    ground = np.float32([1.0, 0.985, 0.95]) * p["paper"]
    canvas = fresh_canvas(rgb, ground)
    dark = np.clip(1.35 - grey(rgb), 0.15, 1)
    for turn in (0.0, 0.5):
        strokes(
            canvas,
            rgb,
            angle + turn,
            rng,
            width=p["width"],
            length=p["long"],
            spacing=p["width"] * p["spacing"],
            jitter=p["jitter"],
            detail=dark,
        )
    grain = np.clip(0.8 + 0.25 * paper(rgb.shape[:2], rng), 0, 1)[..., None]
    return ground + (canvas[..., :3] - ground) * grain


@style(
    "dry brush streaks",
    "dragged dry brush",
    held=True,
    width=(8.0, 14.0),
    long=(2.5, 4.5),
    base=(0.0, 3.14),
    gap=(0.4, 0.9),
    ground=(0.8, 0.97),
)
def drybrush(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = flow(grey(rgb), rng, own=0.8, scale=160.0, base=p["base"])
    canvas = fresh_canvas(rgb, p["ground"])
    strokes(
        canvas,
        rgb,
        angle,
        rng,
        width=p["width"],
        length=p["long"] * p["width"],
        spacing=p["width"] * 0.9,
        jitter=0.04,
        bend=1,
    )
    hair = bristles(angle, 40, rng, 1.3)
    cover = np.clip(1.3 - p["gap"] * np.clip(hair, 0, 3), 0, 1)[..., None]
    return p["ground"] + (canvas[..., :3] - p["ground"]) * cover


@style("woven tapestry", "tapestry of wool yarn", held=True, pitch=(4, 6), jitter=(0.02, 0.06))
def tapestry(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    small = cv2.resize(rgb, (w // k, h // (k // 2)), interpolation=cv2.INTER_AREA)
    small = np.clip(small + rng.normal(0, p["jitter"], small.shape), 0, 1).astype(np.float32)
    out = cv2.resize(small, (w, h), interpolation=cv2.INTER_NEAREST)
    yy, xx = np.mgrid[0:h, 0:w]
    shift = (yy // (k // 2)) % 2 * (k / 2)
    bump = np.sin(np.pi * ((xx + shift) % k) / k) * np.sin(np.pi * (yy % (k // 2) + 0.5) / (k // 2))
    return out * (0.55 + 0.5 * bump[..., None])

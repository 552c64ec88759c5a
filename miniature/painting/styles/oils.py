"""Oil paint: brush strokes, impasto, swirls, palette knife, dry brush."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, bristles, flow, grey, pick, polygons, relief, scatter, streaks, thinned
from miniature.painting.strokes import fresh_canvas, strokes
from miniature.painting.styles.registry import Array, Params, Rng, style


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
    "dry brush streaks",
    "dragged dry brush",
    held_out=True,
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

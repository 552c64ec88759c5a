"""Pieces: mosaic, stained glass, hexagons, scales, triangles, cubist facets."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import Delaunay

from miniature.painting.filters import blur, cells, circles, grey, kuwahara, pick, smooth_noise
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "mosaic of small tiles",
    "stone mosaic",
    "tesserae with grout",
    spacing=(5.0, 10.0),
    jitter=(0.02, 0.1),
    loose=(0.08, 0.4),
    grout=(0.05, 0.9),
)
def mosaic(rgb: Array, p: Params, rng: Rng) -> Array:
    index, rim, mean = cells(rgb, p["spacing"], p["loose"], rng)
    colour = np.clip(mean + rng.normal(0, p["jitter"], (len(mean), 1)), 0, 1)[index]
    cover = np.clip((rim - 0.8) / 1.2, 0, 1)[..., None]
    grout = 0.6 * p["grout"] + 0.4 * rgb.mean((0, 1))
    return grout + (colour - grout) * cover


@style(
    "stained glass",
    "leaded glass panes",
    "glowing glass with dark lead lines",
    spacing=(13.0, 24.0),
    jitter=(0.03, 0.1),
    lead=(2.0, 4.5),
    boost=(1.3, 2.0),
)
def stained(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(rgb)[..., None]
    vivid = np.clip(tone + (rgb - tone) * p["boost"], 0, 1)
    index, rim, mean = cells(vivid, p["spacing"], 0.5, rng)
    colour = np.clip(mean + rng.normal(0, p["jitter"], mean.shape), 0, 1)[index]
    colour = colour * (1 + 0.12 * smooth_noise(rim.shape, 8.0, rng)[..., None])
    cover = np.clip(rim - p["lead"], 0, 1)[..., None]
    return 0.05 + (colour - 0.05) * cover


@style(
    "hexagon tiles",
    "honeycomb of hexagons",
    held_out=True,
    pitch=(9.0, 14.0),
    jitter=(0.02, 0.08),
    gap=(0.8, 1.8),
    grout=(0.1, 0.9),
)
def hexagons(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    rows = np.arange(-k, h + 2 * k, k * 0.866)
    x = np.arange(-k, w + 2 * k, k)
    centre = np.concatenate([np.stack([x + (i % 2) * k / 2, np.full_like(x, y)], 1) for i, y in enumerate(rows)])
    turn = np.pi / 6 + np.arange(6) * np.pi / 3
    corner = np.stack([np.cos(turn), np.sin(turn)], 1) * (k / 1.732 - p["gap"] / 2)
    colour = pick(blur(rgb, 0.3 * k), centre.astype(int)) + rng.normal(0, p["jitter"], (len(centre), 1))
    canvas = np.full(rgb.shape, p["grout"], np.float32) * 0.6 + np.float32(0.4) * rgb.mean((0, 1))
    canvas = np.ascontiguousarray(canvas, dtype=np.float32)
    shape = np.round((centre[:, None] + corner) * 8).astype(np.int32)
    for points, c in zip(shape, np.clip(colour, 0, 1).tolist(), strict=True):
        cv2.fillConvexPoly(canvas, points, c, cv2.LINE_8, 3)
    return blur(canvas, 0.4)


@style(
    "fish scales",
    "overlapping scales",
    "rows of rounded shingles",
    pitch=(9.0, 16.0),
    jitter=(0.02, 0.07),
    rim=(0.25, 0.6),
    light=(0.05, 0.2),
)
def scales(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    canvas = rgb.astype(np.float32)
    source = blur(rgb, 0.3 * k)
    rows = np.arange(-k, h + k, 0.5 * k)
    for number, y in reversed(list(enumerate(rows))):
        x = np.arange(-k, w + k, k) + (number % 2) * k / 2
        centre = np.stack([x, np.full_like(x, y)], 1)
        lower = (centre + np.float64([0, 0.35 * k])).astype(int)
        colour = pick(source, lower) + rng.normal(0, p["jitter"], (len(x), 1))
        for size, gain in ((0.58, 1 - p["rim"]), (0.49, 1.0), (0.3, 1 + p["light"])):
            circles(canvas, centre, size * k, np.clip(colour * gain, 0, 1))
    return blur(canvas, 0.5)


@style(
    "low-poly triangles",
    "faceted triangles",
    "geometric facets",
    points=(350, 1100),
    jitter=(0.0, 0.06),
    line=[0, 0, 1],
    keep=0.3,
)
def lowpoly(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    tone = grey(rgb)
    mag = np.abs(cv2.Laplacian(blur(tone, 1.5), cv2.CV_32F)) + 0.15 * np.abs(tone - blur(tone, 6)) + 0.004
    flat = rng.choice(
        h * w, p["points"], p=(mag / mag.sum()).ravel().astype(np.float64) / (mag / mag.sum()).astype(np.float64).sum()
    )
    points = np.stack([flat % w, flat // w], 1).astype(np.float64)
    rim = np.array(
        [[x, y] for x in np.linspace(0, w, 6) for y in (0, h)] + [[x, y] for y in np.linspace(0, h, 6) for x in (0, w)]
    )
    points = np.concatenate([points + rng.uniform(-1, 1, points.shape), rim])
    triangles = points[Delaunay(points).simplices]
    centre = triangles.mean(1).astype(int)
    colour = np.clip(pick(blur(rgb, 2), centre) + rng.normal(0, p["jitter"], (len(centre), 1)), 0, 1).tolist()
    out = np.zeros_like(rgb)
    for triangle, c in zip(np.round(triangles).astype(np.int32), colour, strict=True):
        cv2.fillConvexPoly(out, triangle, c)
        if p["line"]:
            cv2.polylines(out, [triangle], True, [0.8 * v for v in c], 1)
    return out


@style(
    "cubist facets",
    "broken planes of a cubist picture",
    "shifted shards and arcs",
    lines=(5, 9),
    arcs=(1, 4),
    shift=(5.0, 16.0),
    shade=(0.35, 0.75),
    radius=(5, 9),
    edge=(0.0, 0.5),
)
def cubism(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    code, rim = np.zeros((h, w), np.int64), np.full((h, w), 99, np.float32)
    shade = np.zeros((h, w), np.float32)
    for index in range(p["lines"] + p["arcs"]):
        x, y = rng.uniform(0.05, 0.95, 2) * (w, h)
        if index < p["lines"]:
            theta = rng.uniform(0, np.pi)
            side = (xx - x) * np.cos(theta) + (yy - y) * np.sin(theta)
        else:
            side = np.hypot(xx - x, yy - y) - rng.uniform(0.1, 0.35) * w
        code = 2 * code + (side > 0)
        rim = np.minimum(rim, np.abs(side))
        shade += rng.choice([-1, 1]) * np.sign(side) * np.exp(-np.abs(side) / 18)
    _, facet = np.unique(code, return_inverse=True)
    facet = facet.reshape(h, w)
    dx, dy, light = rng.uniform(-1, 1, (3, facet.max() + 1)).astype(np.float32)
    dx, dy = p["shift"] * dx[facet], p["shift"] * dy[facet]
    out = cv2.remap(kuwahara(rgb, p["radius"]), xx + dx, yy + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    out = out * (1 + p["shade"] * (0.4 * light[facet] + 0.5 * np.tanh(shade))[..., None])
    return out * (1 - p["edge"] * np.clip(1.6 - rim, 0, 1)[..., None])

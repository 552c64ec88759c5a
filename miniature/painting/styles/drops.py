"""Paint in drops: pointillism, drips, spray, sponge, rain."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import (
    blur,
    bristles,
    circles,
    grey,
    kuwahara,
    pick,
    quantise,
    scatter,
    smooth_noise,
    threads,
    warp,
)
from miniature.painting.strokes import fresh_canvas, strokes
from miniature.painting.styles.registry import Array, Params, Rng, style


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
    "drip painting",
    "flung threads and drops of paint",
    "splattered paint",
    keep=0.1,
    count=(450, 800),
    long=(35.0, 80.0),
    curl=(0.02, 0.07),
    width=(1.5, 3.0),
    drops=(150, 500),
    jitter=(0.03, 0.1),
    ground=(0.0, 1.0),
)
def drip(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    canvas = np.ascontiguousarray(0.7 * blur(rgb, 4) + 0.3 * p["ground"], dtype=np.float32)
    source = blur(rgb, 1.5)
    steps = np.arange(16)
    size = h * w / 65536
    for wide, share in ((1.6, 0.4), (1.0, 0.6)):
        n = int(p["count"] * share * size) + 1
        start = rng.uniform((0, 0), (w, h), (n, 2))
        theta = rng.uniform(0, 2 * np.pi, (n, 1)) + rng.normal(0, p["curl"], (n, 1)) * steps * 4
        move = np.stack([np.cos(theta), np.sin(theta)], -1) * (p["long"] / 16 * rng.uniform(0.5, 1.4, (n, 1, 1)))
        lines = start[:, None] + np.cumsum(move, 1) - move.sum(1, keepdims=True) / 2
        colour = np.clip(pick(source, start.astype(int)) + rng.normal(0, p["jitter"], (n, 3)), 0, 1)
        thick = np.maximum(1, np.round(p["width"] * wide * rng.uniform(0.5, 1.3, n))).astype(int)
        threads(canvas, lines, thick, colour)
    points = rng.uniform((0, 0), (w, h), (int(p["drops"] * size) + 1, 2))
    colour = np.clip(pick(source, points.astype(int)) + rng.normal(0, p["jitter"], (len(points), 1)), 0, 1)
    circles(canvas, points, 0.8 + rng.exponential(1.0, len(points)), colour)
    return blur(canvas, 0.4)


@style(
    "spray paint",
    "airbrushed stencil with drips",
    "graffiti with speckled edges",
    radius=(6, 10),
    colours=(4, 8),
    spread=(3.0, 7.0),
    drips=(8, 26),
    long=(15.0, 60.0),
    boost=(1.1, 1.7),
    speckle=(100, 400),
)
def spray(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    tone = grey(rgb)[..., None]
    flat = quantise(kuwahara(np.clip(tone + (rgb - tone) * p["boost"], 0, 1), p["radius"]), p["colours"], rng)
    dx, dy = (p["spread"] * blur(rng.standard_normal((h, w)).astype(np.float32), 0.7) * 2 for _ in range(2))
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    fuzzy = cv2.remap(flat, xx + dx, yy + dy, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    out = np.ascontiguousarray(0.5 * fuzzy + 0.5 * blur(flat, 3), dtype=np.float32)
    start = rng.uniform((0, 0), (w, h), (p["drips"], 2))
    wide = rng.uniform(1.2, 2.4, p["drips"])
    for (x, y), r, far in zip(start, wide, p["long"] * rng.uniform(0.3, 1.2, p["drips"]), strict=True):
        trail = np.stack([np.full(16, x), np.linspace(y, y + far, 16)], 1)
        colour = pick(flat, np.tile(trail[:1].astype(int), (16, 1)))
        circles(out, trail, r * np.linspace(0.7, 1.3, 16), colour)
    points = rng.uniform((0, 0), (w, h), (p["speckle"], 2))
    near = (points + rng.normal(0, 12, points.shape)).astype(int)
    circles(out, points, rng.uniform(0.6, 1.8, len(points)), pick(flat, near))
    return out


@style(
    "sponge painting",
    "dabbed sponge prints",
    "porous blots of paint",
    radius=(9.0, 14.0),
    pores=(2.4, 3.6),
    hole=(-0.9, -0.4),
    jitter=(0.03, 0.1),
    ground=(0.3, 0.98),
    layers=[2, 3],
)
def sponge(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    out = np.float32(0.5 * p["ground"]) + 0.5 * rgb.mean((0, 1))
    out = np.broadcast_to(out, rgb.shape)
    for layer in range(p["layers"], 0, -1):
        r = p["radius"] * (0.45 + 0.3 * layer)
        points = scatter((h, w), 1.15 * r, rng)
        colour = pick(blur(rgb, 0.35 * r), points.astype(int)) + rng.normal(0, p["jitter"], (len(points), 1))
        canvas = fresh_canvas(rgb, out)
        dab = np.concatenate([np.clip(colour, 0, 1), rng.uniform(0.5, 1, (len(points), 1))], 1)
        circles(canvas, points, r * rng.uniform(0.6, 0.85, len(points)), dab)
        canvas = warp(canvas, 2.0, 5.0, rng)
        pore = smooth_noise((h, w), p["pores"], rng) + 0.4 * smooth_noise((h, w), 9.0, rng)
        cover = np.clip((pore - p["hole"] + 1.2 * (canvas[..., 3] - 0.6)) * 3, 0, 1) * (canvas[..., 3] > 0)
        out = out + (canvas[..., :3] - out) * cover[..., None]
    return out


@style(
    "rain streaks",
    "vertical falling strokes",
    held_out=True,
    width=(2.0, 3.5),
    long=(18.0, 36.0),
    lean=(-0.25, 0.25),
    jitter=(0.06, 0.12),
    shine=(0.1, 0.3),
)
def rain(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = np.full(rgb.shape[:2], np.pi / 2 + p["lean"], np.float32)
    canvas = fresh_canvas(blur(rgb, 4), None)
    source = blur(rgb, 2)
    for width, skip in ((1.5, 0.0), (1.0, 0.3)):
        strokes(
            canvas,
            source,
            angle,
            rng,
            width=width * p["width"],
            length=p["long"],
            spacing=2.2 * width * p["width"],
            jitter=p["jitter"],
            skip=skip,
        )
    return canvas[..., :3] + p["shine"] * np.clip(bristles(angle, 30, rng, 1.4) - 1, 0, 2)[..., None]

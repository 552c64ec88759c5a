"""Cloth, wool and yarn: felt, tapestry, cross-stitch, knitting, batik, felt circles."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import (
    blur,
    bristles,
    circles,
    grey,
    ink_lines,
    kuwahara,
    paper,
    pick,
    quantise,
    scatter,
    smooth_noise,
    warp,
)
from miniature.painting.strokes import fresh_canvas, strokes
from miniature.painting.styles.registry import Array, Params, Rng, style


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


@style("woven tapestry", "tapestry of wool yarn", held_out=True, pitch=(4, 6), jitter=(0.02, 0.06))
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


@style(
    "cross-stitch",
    "embroidered crosses",
    "stitches on linen",
    pitch=(5, 8),
    jitter=(0.02, 0.05),
    cloth=(0.75, 0.95),
    keep=0.3,
)
def stitch(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    small = cv2.resize(rgb, (-(-w // k), -(-h // k)), interpolation=cv2.INTER_AREA)
    small = np.clip(quantise(small, 14, rng) + rng.normal(0, p["jitter"], (*small.shape[:2], 1)), 0, 1).astype(
        np.float32
    )
    colour = np.repeat(np.repeat(small, k, 0), k, 1)[:h, :w]
    yy, xx = np.mgrid[0:h, 0:w]
    u, v = xx % k - (k - 1) / 2, yy % k - (k - 1) / 2
    one, two = np.clip(1.6 - np.abs(u - v) * 0.7, 0, 1), np.clip(1.6 - np.abs(u + v) * 0.7, 0, 1)
    rim = (np.maximum(np.abs(u), np.abs(v)) < k / 2 - 0.4).astype(np.float32)
    cover = np.maximum(one, two) * rim
    light = 0.75 + 0.3 * two
    cloth = np.float32([1, 0.97, 0.9]) * p["cloth"]
    return cloth * 0.9 + (colour * light[..., None] - cloth * 0.9) * cover[..., None]


@style(
    "knitting",
    "knitted wool stitches",
    held_out=True,
    pitch=(7, 10),
    jitter=(0.02, 0.06),
    depth=(0.3, 0.55),
    fuzz=(0.02, 0.06),
    keep=0.3,
)
def knit(rgb: Array, p: Params, rng: Rng) -> Array:
    k = p["pitch"]
    h, w = rgb.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    # Each column of stitches is a row of V shapes, whose sides rise from the middle.
    side = np.abs(((xx + 0.5) % k) / k * 2 - 1)
    lift = yy + 0.55 * k * side
    row, column = np.floor(lift / (0.7 * k)).astype(int), (xx // k).astype(int)
    along = lift / (0.7 * k) % 1 * 2 - 1
    at = np.stack([column * k + k / 2, row * 0.7 * k], -1).astype(int).reshape(-1, 2)
    colour = pick(blur(rgb, 0.35 * k), at).reshape(h, w, 3)
    colour = colour + rng.normal(0, p["jitter"], (row.max() + 2, column.max() + 1, 1))[row, column]
    loop = np.sqrt(np.clip(1 - along**2, 0, 1)) * np.sqrt(np.clip(1 - (2 * side - 1) ** 2, 0, 1))
    fuzz = p["fuzz"] * bristles(np.full((h, w), 0.9, np.float32), 5, rng)
    return (colour + fuzz[..., None]) * (1 - p["depth"] + (p["depth"] + 0.15) * loop)[..., None]


@style(
    "batik",
    "wax-resist dyed cloth",
    "cracked dye veins on cloth",
    radius=(7, 11),
    colours=(4, 7),
    veins=(16.0, 30.0),
    dark=(0.3, 0.7),
    line=(1.5, 3.0),
    cloth=(0.8, 0.95),
)
def batik(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = kuwahara(kuwahara(rgb, p["radius"]), p["radius"])
    flat = blur(warp(quantise(smooth, p["colours"], rng), 1.5, 14.0, rng), 0.7)
    tone = grey(flat)
    wax = np.clip(1.6 * blur(ink_lines(blur(tone, 0.8), 1.8, p["line"]), 0.7), 0, 1)[..., None]
    vein = np.zeros_like(tone)
    for scale in (p["veins"], 0.55 * p["veins"]):
        field = smooth_noise(tone.shape, scale, rng) + 0.12 * smooth_noise(tone.shape, 4.0, rng)
        slope = np.hypot(cv2.Sobel(field, cv2.CV_32F, 1, 0), cv2.Sobel(field, cv2.CV_32F, 0, 1)) / 8 + 0.01
        vein = np.maximum(vein, np.clip(1.5 - np.abs(field) / slope, 0, 1))
    vein = vein * np.clip(0.6 + 0.5 * smooth_noise(tone.shape, 40.0, rng), 0, 1)
    out = flat + (p["cloth"] * np.float32([1, 0.97, 0.88]) - flat) * wax
    return out * (1 - p["dark"] * vein[..., None]) + 0.015 * paper(tone.shape, rng, 1.2)[..., None]


@style(
    "felt circles",
    "cut-out round patches",
    held_out=True,
    radius=(6.0, 10.0),
    jitter=(0.03, 0.1),
    shadow=(0.3, 0.6),
    layers=[2, 3],
)
def patches(rgb: Array, p: Params, rng: Rng) -> Array:
    canvas = np.ascontiguousarray(blur(rgb, 5) * 0.8, dtype=np.float32)
    for layer in range(p["layers"]):
        r = p["radius"] * (1.5, 1.0, 0.7)[layer]
        points = scatter(rgb.shape[:2], 1.5 * r, rng)
        colour = pick(blur(rgb, 0.4 * r), points.astype(int)) + rng.normal(0, p["jitter"], (len(points), 1))
        size = r * rng.uniform(0.6, 1.1, len(points))
        colour = np.clip(colour, 0, 1)
        both = np.stack([points + 1.5, points], 1).reshape(-1, 2)
        circles(canvas, both, np.repeat(size, 2), np.stack([colour * (1 - p["shadow"]), colour], 1).reshape(-1, 3))
    return canvas + 0.03 * paper(rgb.shape[:2], rng, 1.4)[..., None]

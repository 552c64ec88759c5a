"""Styles of areas: watercolour, gouache, ink wash, ukiyo-e, comic, low-poly, mosaic, glass, cut paper, fresco."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import Delaunay

from miniature.fields import (
    blur,
    bristles,
    cells,
    flow,
    grey,
    ink_lines,
    kuwahara,
    paper,
    pick,
    quantise,
    relief,
    smooth_noise,
    warp,
)  # fmt: skip
from miniature.registry import Array, Params, style

Rng = np.random.Generator


@style(
    "watercolour washes",
    "watercolour on rough paper",
    "transparent washes",
    radius=(5, 11),
    colours=(6, 14),
    bleed=(1.0, 3.0),
    edge=(0.4, 1.2),
    grain=(0.01, 0.04),
    white=(0.1, 0.45),
)
def watercolour(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = quantise(kuwahara(rgb, p["radius"]), p["colours"], rng)
    smooth = blur(warp(smooth, p["bleed"], 8.0, rng), 0.8)
    tone = grey(smooth)
    rim = np.clip(blur(tone, 2.5) - tone, 0, 1) + 0.5 * np.abs(tone - blur(tone, 1.2))
    pigment = 1 - p["edge"] * rim * 2 + 0.06 * smooth_noise(tone.shape, 22.0, rng)
    out = 1 - (1 - smooth) * (1 - p["white"]) ** 0.6
    return out * pigment[..., None] + p["grain"] * paper(tone.shape, rng, 2.2)[..., None]


@style(
    "flat gouache",
    "flat poster colours",
    "broad flat shapes",
    radius=(7, 13),
    colours=(4, 9),
    wobble=(0.5, 2.0),
    boost=(1.0, 1.5),
)
def gouache(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(rgb)[..., None]
    flat = quantise(
        kuwahara(kuwahara(np.clip(tone + (rgb - tone) * p["boost"], 0, 1), p["radius"]), p["radius"]), p["colours"], rng
    )
    return blur(warp(flat, p["wobble"], 14.0, rng), 0.6) + 0.008 * paper(flat.shape[:2], rng)[..., None]


@style(
    "ink wash",
    "sumi ink on paper",
    "brushed black ink",
    keep=0.0,
    radius=(5, 11),
    tones=(3, 6),
    line=(0.5, 1.5),
    warm=(0.0, 0.08),
    wet=(1.0, 3.0),
)
def inkwash(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(kuwahara(rgb, p["radius"]))
    tone = (tone - tone.min()) / (np.ptp(tone) + 1e-6)
    step = np.round(tone * (p["tones"] - 1)) / (p["tones"] - 1)
    wash = 0.35 + 0.65 * blur(warp(step, p["wet"], 7.0, rng), p["wet"] * 0.6)
    line = ink_lines(warp(blur(tone, 1.0), 1.0, 12.0, rng), 1.6, p["line"])
    out = wash * (1 - 0.9 * line) + 0.015 * paper(tone.shape, rng, 2.0)
    return out[..., None] * np.float32([1.0, 1.0 - 0.4 * p["warm"], 1.0 - 1.5 * p["warm"]])


@style(
    "Japanese woodblock print",
    "ukiyo-e with dark contours",
    "flat muted colours in fine contours",
    radius=(5, 9),
    colours=(5, 9),
    mute=(0.5, 0.9),
    line=(0.8, 2.0),
    grain=(0.01, 0.04),
)
def ukiyoe(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = kuwahara(rgb, p["radius"])
    flat = quantise(smooth, p["colours"], rng)
    tone = grey(flat)[..., None]
    flat = (tone + (flat - tone) * p["mute"]) * 0.8 + np.float32([0.19, 0.17, 0.12])
    wood = bristles(np.full(tone.shape[:2], 0.05, np.float32), 60, rng, 1.2) * p["grain"]
    line = ink_lines(grey(smooth), 1.0, p["line"])[..., None]
    return (flat + wood[..., None]) * (1 - line) + line * np.float32([0.1, 0.1, 0.16])


@style(
    "comic book",
    "inked comic with dot shading",
    "bold black outlines",
    radius=(5, 9),
    colours=(4, 8),
    line=(1.5, 3.0),
    pitch=(4.0, 7.0),
    boost=(1.2, 1.8),
)
def comic(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = kuwahara(rgb, p["radius"])
    tone = grey(smooth)[..., None]
    flat = quantise(np.clip(tone + (smooth - tone) * p["boost"], 0, 1), p["colours"], rng)
    yy, xx = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]].astype(np.float32)
    k = 2 * np.pi / p["pitch"]
    dots = (np.cos(k * (xx + yy) * 0.707) + np.cos(k * (xx - yy) * 0.707)) * 0.25 + 0.5
    shade = (dots > 1.25 * tone[..., 0] + 0.12)[..., None] * 0.35
    line = np.clip(blur(ink_lines(tone[..., 0], 1.4, p["line"]), 0.5) * 1.5, 0, 1)[..., None]
    return (flat * (1 - shade)) * (1 - line)


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


@style("cut paper", "layered paper cut-out", held=True, radius=(9, 13), colours=(5, 8), shadow=(0.15, 0.4))
def papercut(rgb: Array, p: Params, rng: Rng) -> Array:
    flat = quantise(kuwahara(kuwahara(rgb, p["radius"]), p["radius"]), p["colours"], rng)
    tone = blur(grey(flat), 0.8)
    cast = np.roll(blur(tone, 2.0), (3, 3), (0, 1)) - tone
    return (
        flat * (1 - p["shadow"] * np.clip(cast * 6, -0.3, 1)[..., None])
        + 0.012 * paper(tone.shape, rng, 1.2)[..., None]
    )


@style("faded fresco", "cracked plaster wall painting", held=True, radius=(4, 8), fade=(0.3, 0.5), crack=(18.0, 34.0))
def fresco(rgb: Array, p: Params, rng: Rng) -> Array:
    smooth = kuwahara(rgb, p["radius"])
    tone = grey(smooth)[..., None]
    out = (tone + (smooth - tone) * 0.8) * (1 - p["fade"]) + p["fade"] * np.float32([0.86, 0.8, 0.7])
    _, rim, _ = cells(rgb, p["crack"], 0.5, rng)
    out = out - 0.22 * np.clip(1.4 - rim, 0, 1)[..., None]
    worn = np.clip(smooth_noise(rim.shape, 26.0, rng) + 0.5 * smooth_noise(rim.shape, 5.0, rng) - 1.1, 0, 1)[..., None]
    out = out + worn * (np.float32([0.88, 0.84, 0.76]) - out)
    return relief(out, 0.3 * smooth_noise(rim.shape, 3.0, rng), 0.05)


@style(
    "encaustic wax", "marbled wax paint", "melted layers of wax", radius=(7, 11), melt=(2.0, 5.0), light=(0.06, 0.16)
)
def wax(rgb: Array, p: Params, rng: Rng) -> Array:
    angle = flow(grey(rgb), rng, own=1.0, scale=40.0, base=1.6)
    smooth = warp(kuwahara(rgb, p["radius"]), p["melt"], 14.0, rng)
    height = 0.6 * smooth_noise(angle.shape, 5.0, rng) + 0.4 * bristles(angle, 10, rng, 2.0)
    return relief(smooth, blur(height, 1.0), p["light"])

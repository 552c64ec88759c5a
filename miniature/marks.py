"""Styles of marks: etching, ballpoint, type, contour lines, drips, spray, sponge, curls, confetti, rain, ridges."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.brushes import fresh_canvas, strokes
from miniature.fields import (
    blur,
    bristles,
    circles,
    flow,
    grey,
    ink_lines,
    inks,
    kuwahara,
    paper,
    pick,
    polygons,
    quantise,
    scatter,
    smooth_noise,
    stretch,
    threads,
    warp,
)  # fmt: skip
from miniature.registry import Array, Params, style

Rng = np.random.Generator


@style(
    "etching",
    "etched plate of curved lines",
    "acid-bitten lines around the forms",
    keep=0.0,
    spacing=(4.2, 6.0),
    long=(9.0, 18.0),
    own=(0.1, 0.6),
    base=(0.0, 3.14),
    ink=(0.0, 0.5),
    paper=(0.3, 0.9),
    tone=(0.0, 0.3),
)
def etching(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.0)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    angle = flow(tone, rng, own=p["own"], scale=70.0, base=p["base"])
    canvas = fresh_canvas(rgb, ground - p["tone"] * (1 - blur(tone, 3.0))[..., None] * (ground - ink))
    ink_plate = np.broadcast_to(ink.astype(np.float32), rgb.shape)
    for turn, level, wide in ((0.0, 0.95, 1.0), (0.9, 0.55, 1.0), (1.7, 0.26, 1.4)):
        strokes(
            canvas,
            ink_plate,
            angle + turn,
            rng,
            width=wide,
            length=p["long"],
            spacing=p["spacing"],
            jitter=0.03,
            detail=np.clip((level - tone) * 1.8, 0, 1),
            bend=2,
        )
    return blur(canvas[..., :3], 0.45)


@style(
    "ballpoint pen",
    "looping pen scribble",
    "scribbled loops of ballpoint",
    keep=0.0,
    pitch=(5.0, 8.0),
    loop=(4.0, 6.5),
    lean=(-0.5, 0.5),
    tint=[(0.1, 0.15, 0.6), (0.08, 0.08, 0.12), (0.6, 0.08, 0.15), (0.05, 0.35, 0.25), (0.35, 0.1, 0.5)],
    paper=(0.86, 0.98),
    wander=(1.0, 4.0),
)
def ballpoint(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 2.0)
    h, w = tone.shape
    bend = p["wander"] * smooth_noise(tone.shape, 50.0, rng)
    mask = np.zeros(tone.shape, np.uint8)
    t = np.arange(-4, w + 4, 0.35)
    for row in np.arange(0, h + p["pitch"], p["pitch"]):
        at = np.stack([t, np.full_like(t, row)], 1).astype(int)
        radius = 0.8 * p["pitch"] * np.clip(1.02 - pick(tone, at), 0.02, 1) ** 1.2
        phase = 2 * np.pi * t / p["loop"] + rng.uniform(0, 6)
        y = row + pick(bend, at) + radius * np.sin(phase)
        x = t + 0.8 * radius * np.cos(phase) + p["lean"] * (y - row)
        threads(mask, np.stack([x, y], 1)[None], 1, np.full((1, 1), 255))
    cover = np.maximum(mask.astype(np.float32) / 255, 0.8 * ink_lines(tone, 1.0, 1.0))
    sheet = p["paper"] * np.float32([1, 0.99, 0.95]) + 0.008 * paper(tone.shape, rng)[..., None]
    return sheet + (np.float32(p["tint"]) - sheet) * 0.9 * cover[..., None]


def _glyphs(k: int, thickness: int) -> Array:
    """(n, k, k) cover of typed signs, light to dark."""
    table: list[Array] = [np.zeros((k, k), np.float32)]
    for sign in ".-:+=x%#&@":
        big = np.zeros((4 * k, 4 * k), np.uint8)
        (width, height), _ = cv2.getTextSize(sign, cv2.FONT_HERSHEY_SIMPLEX, 0.13 * k, thickness * 4)
        at = (2 * k - width // 2, 2 * k + height // 2 if sign not in "-=+:" else int(3.2 * k))
        cv2.putText(big, sign, at, cv2.FONT_HERSHEY_SIMPLEX, 0.13 * k, 255, thickness * 4, cv2.LINE_AA)
        table.append(cv2.resize(big, (k, k), interpolation=cv2.INTER_AREA).astype(np.float32) / 255)
    return np.stack(sorted(table, key=np.sum))


@style(
    "typewriter art",
    "typed characters",
    "letters and signs in rows",
    pitch=(7, 10),
    thick=[1, 2],
    ink=(0.0, 0.5),
    paper=(0.4, 0.95),
    colour=[0, 0, 1],
    dark=[0, 0, 1],
)
def typewriter(rgb: Array, p: Params, rng: Rng) -> Array:
    k = p["pitch"]
    h, w = rgb.shape[:2]
    ink, ground = inks(rgb, p["ink"], p["paper"])
    small = cv2.resize(rgb, (-(-w // k), -(-h // k)), interpolation=cv2.INTER_AREA)
    light = stretch(grey(small)) + 0.03 * rng.standard_normal(small.shape[:2])
    if p["dark"]:
        ink, ground, light = ground, ink, 1 - light
    table = _glyphs(k, p["thick"])
    index = np.clip((1 - light) * len(table), 0, len(table) - 1).astype(int)
    cover = table[index].transpose(0, 2, 1, 3).reshape(index.shape[0] * k, -1)[:h, :w, None]
    if p["colour"]:
        ink = np.repeat(np.repeat(small, k, 0), k, 1)[:h, :w] * 0.9
    return ground + (ink - ground) * np.clip(1.3 * cover, 0, 1)


@style(
    "contour map",
    "contour lines of a map",
    "height lines with coloured steps",
    keep=0.3,
    levels=(7, 13),
    soft=(2.0, 4.0),
    line=(0.6, 1.3),
    tint=(0.3, 1.0),
    ink=(0.0, 0.6),
    paper=(0.4, 0.95),
)
def contours(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), p["soft"]) * p["levels"]
    tone = tone + 0.15 * smooth_noise(tone.shape, 16.0, rng)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    step = np.floor(tone)
    slope = np.hypot(cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1)) / 8 + 0.02
    near = np.abs(tone - np.round(tone)) / slope
    width = p["line"] * np.where(np.round(tone) % 4 == 0, 1.0, 0.55)
    label = (step - step.min()).astype(int)
    count = np.bincount(label.ravel()) + 1e-6
    mean = np.stack([np.bincount(label.ravel(), rgb[..., i].ravel()) for i in range(3)], 1) / count[:, None]
    sheet = ground + p["tint"] * (mean[label] - ground)
    return sheet + (ink - sheet) * np.clip(width + 0.5 - near, 0, 1)[..., None]


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
    "paper quilling",
    "rolled paper curls",
    "spirals of paper strips",
    spacing=(10.0, 15.0),
    turns=(1.3, 1.9),
    light=(0.12, 0.3),
    jitter=(0.02, 0.07),
    keep=0.3,
)
def quilling(rgb: Array, p: Params, rng: Rng) -> Array:
    points = scatter(rgb.shape[:2], p["spacing"], rng, 0.25)
    n = len(points)
    radius = 0.56 * p["spacing"] * rng.uniform(0.85, 1.15, n)
    colour = pick(blur(rgb, 0.25 * p["spacing"]), points.astype(int)) + rng.normal(0, p["jitter"], (n, 3))
    canvas = np.ascontiguousarray(blur(rgb, 4) * 0.45, dtype=np.float32)
    t = np.linspace(0.15, 1, int(12 * p["turns"]))
    turn = 2 * np.pi * p["turns"] * t * rng.choice([-1, 1], n)[:, None] + rng.uniform(0, 6.28, (n, 1))
    curl = points[:, None] + np.stack([np.cos(turn), np.sin(turn)], -1) * (radius[:, None] * t)[..., None]
    thick = 2 if p["spacing"] > 11.5 else 1
    for centre, r, line, c in zip(points, radius, curl, np.clip(colour, 0, 1), strict=True):
        circles(canvas, centre[None], r, 0.65 * c[None])
        threads(canvas, line[None], thick, np.clip(0.85 * c[None] + p["light"], 0, 1))
    return blur(canvas, 0.5)


@style(
    "confetti",
    "scattered paper squares",
    "tilted chips of paper",
    side=(5.0, 9.0),
    tilt=(0.4, 1.6),
    jitter=(0.05, 0.14),
    shadow=(0.3, 0.7),
    boost=(1.1, 1.8),
)
def confetti(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(rgb)[..., None]
    vivid = np.clip(tone + (rgb - tone) * p["boost"], 0, 1)
    canvas = np.ascontiguousarray(blur(vivid, 4) * (1 - p["shadow"]), dtype=np.float32)
    points = scatter(rgb.shape[:2], 0.8 * p["side"], rng)
    n = len(points)
    colour = np.clip(pick(blur(vivid, 0.3 * p["side"]), points.astype(int)) + rng.normal(0, p["jitter"], (n, 3)), 0, 1)
    turn = rng.normal(0, p["tilt"], (n, 1)) + np.pi / 4 + np.arange(4) * np.pi / 2
    side = p["side"] * rng.uniform(0.5, 0.75, (n, 1, 1))
    square = points[:, None] + np.stack([np.cos(turn), np.sin(turn)], -1) * side
    pairs = np.stack([square + np.float64([1.2, 1.5]), square], 1).reshape(2 * n, 4, 2)
    polygons(canvas, pairs, np.stack([colour * (1 - p["shadow"]), colour], 1).reshape(2 * n, 3))
    return canvas


@style(
    "rain streaks",
    "vertical falling strokes",
    held=True,
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


@style(
    "ridge lines",
    "rows of raised profile lines",
    held=True,
    keep=0.1,
    pitch=(6.0, 9.0),
    high=(14.0, 26.0),
    ink=(0.0, 0.5),
    paper=(0.4, 0.9),
    dark=[0, 1],
    thick=[2, 2, 3],
)
def ridges(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    tone = blur(stretch(grey(rgb)), 1.6)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    if p["dark"]:
        ink, ground = ground, ink
    canvas = np.ascontiguousarray(np.broadcast_to(ground, rgb.shape), dtype=np.float32)
    x = np.arange(w)
    for row in np.arange(p["pitch"], h + p["high"] + p["pitch"], p["pitch"]):
        level = tone[min(int(row), h - 1)] if p["dark"] else 1 - tone[min(int(row), h - 1)]
        y = row - p["high"] * level + rng.normal(0, 0.2, w)
        line = np.stack([x, y], 1)
        body = np.concatenate([line, [[w, row + p["pitch"]], [0, row + p["pitch"]]]])
        cv2.fillPoly(canvas, [np.round(body).astype(np.int32)], ground.tolist())
        threads(canvas, line[None], p["thick"], ink[None])
    return blur(canvas, 0.5)

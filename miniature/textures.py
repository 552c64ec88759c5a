"""Styles of materials: facets, batik, sand, torn paper, bricks, scales, basket, inlay, foil, hexagons, yarn."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.fields import (
    axes,
    blur,
    bristles,
    cells,
    circles,
    grey,
    ink_lines,
    kuwahara,
    paper,
    pick,
    quantise,
    relief,
    scatter,
    smooth_noise,
    stretch,
    warp,
)  # fmt: skip
from miniature.registry import Array, Params, style

Rng = np.random.Generator


def _blocks(rgb: Array, wide: int, high: int) -> tuple[Array, Array, Array]:
    """Mean colours of a grid of cells spread back over the picture, and where in its cell a pixel is, in [-1, 1]."""
    h, w = rgb.shape[:2]
    small = cv2.resize(rgb, (-(-w // wide), -(-h // high)), interpolation=cv2.INTER_AREA)
    yy, xx = np.mgrid[0:h, 0:w]
    u, v = (xx % wide + 0.5) / wide * 2 - 1, (yy % high + 0.5) / high * 2 - 1
    return small[yy // high, xx // wide], u.astype(np.float32), v.astype(np.float32)


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
    "sand picture",
    "raked coloured sand",
    "ripples in sand",
    pitch=(7.0, 12.0),
    base=(-0.8, 0.8),
    wave=(2.0, 8.0),
    follow=(0.0, 12.0),
    grain=(0.04, 0.1),
    light=(0.12, 0.25),
    sand=(0.1, 0.4),
)
def sand(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 5.0)
    _, across = axes(tone.shape, p["base"])
    phase = across + p["wave"] * smooth_noise(tone.shape, 50.0, rng) + p["follow"] * tone
    ripple = np.abs(np.sin(np.pi * phase / p["pitch"])) ** 0.7
    out = warp(blur(rgb, 1.5), 1.5, 5.0, rng)
    out = out + p["sand"] * (np.float32([0.85, 0.72, 0.5]) - out)
    grain = blur(rng.standard_normal(rgb.shape).astype(np.float32), 0.7)
    out = out + p["grain"] * grain / grain.std()
    return relief(out, 1.2 * ripple, p["light"], p["base"] + 2.0)


@style(
    "torn paper collage",
    "pieces of torn paper",
    "ripped and glued paper",
    spacing=(13.0, 22.0),
    rag=(1.5, 3.5),
    white=(1.0, 2.4),
    jitter=(0.03, 0.1),
    shadow=(0.25, 0.5),
    keep=0.25,
)
def collage(rgb: Array, p: Params, rng: Rng) -> Array:
    index, rim, mean = cells(kuwahara(rgb, 5), p["spacing"], 0.38, rng)
    h, w = rim.shape
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    for scale in (5.0, 12.0):
        xx, yy = (x + p["rag"] * 0.6 * smooth_noise((h, w), scale, rng) for x in (xx, yy))
    near = np.stack([xx, yy], -1).astype(int).reshape(-1, 2)
    index, rim = pick(index, near).reshape(h, w), pick(rim, near).reshape(h, w)
    colour = np.clip(mean + rng.normal(0, p["jitter"], (len(mean), 1)), 0, 1)
    pulp = rng.choice([0.0, 1.0], len(mean), p=[0.35, 0.65]) * p["white"]
    edge = np.clip(pulp[index] + 0.5 - rim, 0, 1)[..., None]
    out = colour[index] + (0.95 - colour[index]) * edge
    top = rng.uniform(0, 1, len(mean))[index].astype(np.float32)
    cast = np.clip(np.roll(top, (2, 2), (0, 1)) - top, 0, 1) * 2
    fibre = 0.02 * paper((h, w), rng, 1.6)[..., None]
    return out * (1 - p["shadow"] * np.clip(blur(cast.astype(np.float32), 1.0), 0, 1)[..., None]) + fibre


@style(
    "toy bricks",
    "plastic bricks with studs",
    "studded building bricks",
    pitch=(8, 12),
    colours=(8, 18),
    light=(0.25, 0.45),
    boost=(1.0, 1.6),
    stud=(0.55, 0.66),
    keep=0.3,
)
def bricks(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = grey(rgb)[..., None]
    vivid = np.clip(tone + (rgb - tone) * p["boost"], 0, 1)
    flat, u, v = _blocks(vivid, p["pitch"], p["pitch"])
    flat = quantise(flat, p["colours"], rng)
    r = np.hypot(u, v)
    side = (u + v) / (r + 0.2) * 0.707
    ring = np.exp(-(((r - p["stud"]) * p["pitch"] / 1.4) ** 2))
    seam = np.clip((np.maximum(np.abs(u), np.abs(v)) - 1 + 2.4 / p["pitch"]) * p["pitch"], 0, 1)
    return flat * (1 - 0.35 * seam[..., None]) + (0.06 * (r < p["stud"]) - p["light"] * ring * side)[..., None]


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
    "basket weave",
    "woven straw bands",
    "plaited strips over and under",
    pitch=(8, 13),
    jitter=(0.02, 0.08),
    fibre=(0.03, 0.08),
    depth=(0.25, 0.5),
    straw=(0.0, 0.35),
    keep=0.3,
)
def basket(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    flat, u, v = _blocks(rgb, k, k)
    flat = flat + p["straw"] * (np.float32([0.82, 0.68, 0.42]) - flat)
    yy, xx = np.mgrid[0:h, 0:w] // k
    over = (yy + xx) % 2 == 0
    along, across = np.where(over, u, v), np.where(over, v, u)
    bump = np.sqrt(np.clip(1 - across**2, 0, 1)) * np.cos(0.42 * np.pi * along)
    fibre = np.where(over, *(bristles(np.full((h, w), a, np.float32), 10, rng) for a in (0.0, np.pi / 2)))
    tint = rng.normal(0, p["jitter"], (h // k + 1, w // k + 1))[yy, xx]
    light = 1 - p["depth"] + (p["depth"] + 0.1) * bump
    return (flat + (tint + p["fibre"] * fibre)[..., None]) * light[..., None]


@style(
    "wood marquetry",
    "inlaid wood",
    "veneers with different grain",
    radius=(6, 10),
    colours=(5, 8),
    wood=(0.25, 0.7),
    rings=(5.0, 9.0),
    grain=(0.06, 0.14),
    seam=(0.3, 0.7),
    keep=0.3,
)
def marquetry(rgb: Array, p: Params, rng: Rng) -> Array:
    flat = quantise(kuwahara(kuwahara(rgb, p["radius"]), p["radius"]), p["colours"], rng)
    tone = grey(flat)
    # One direction a colour: the tone of a veneer is the same all over it.
    angle = (tone * 40.0) % np.pi
    yy, xx = np.mgrid[0 : tone.shape[0], 0 : tone.shape[1]].astype(np.float32)
    across = -xx * np.sin(angle) + yy * np.cos(angle) + 4 * smooth_noise(tone.shape, 40.0, rng)
    rings = np.sin(2 * np.pi * across / p["rings"] + smooth_noise(tone.shape, 12.0, rng))
    walnut, maple = np.float32([0.26, 0.15, 0.08]), np.float32([0.93, 0.78, 0.55])
    veneer = flat + p["wood"] * (walnut + (maple - walnut) * tone[..., None] - flat)
    veneer = veneer * (1 + p["grain"] * (rings + 0.5 * bristles(angle, 14, rng, 1.2))[..., None])
    return veneer * (1 - p["seam"] * np.clip(ink_lines(blur(tone, 0.6), 0.9, 2.0), 0, 1)[..., None])


@style(
    "embossed metal",
    "hammered metal foil",
    "beaten relief in metal",
    keep=0.1,
    high=(4.0, 9.0),
    dent=(6.0, 11.0),
    hammer=(0.1, 0.5),
    side=(0.0, 6.28),
    shine=(0.5, 1.0),
    own=(0.5, 1.0),
)
def foil(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.5)
    h, w = tone.shape
    points = scatter((h, w), p["dent"], rng, 0.5)
    dents = np.zeros((h, w, 1), np.float32)
    circles(dents, points, 0.42 * p["dent"], np.ones((len(points), 1)))
    height = p["high"] * (tone + 0.6 * blur(tone, 4.0)) - p["hammer"] * blur(dents[..., 0], 0.2 * p["dent"])
    gx, gy = cv2.Sobel(height, cv2.CV_32F, 1, 0) / 4, cv2.Sobel(height, cv2.CV_32F, 0, 1) / 4
    slope = np.tanh(gx * np.cos(p["side"]) + gy * np.sin(p["side"]))
    metal = rgb.mean((0, 1)) * 0.5 + 0.3
    base = metal * (0.75 + p["own"] * (tone - 0.5))[..., None]
    gleam = np.clip(slope, 0, 1) ** 2 * p["shine"]
    return base * (1 + 0.7 * slope[..., None]) + gleam[..., None] * 0.8


@style(
    "hexagon tiles",
    "honeycomb of hexagons",
    held=True,
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
    "glitch",
    "torn scanlines of a screen",
    held=True,
    keep=0.5,
    bands=(8, 22),
    jump=(6.0, 28.0),
    split=(3, 8),
    pitch=(3, 5),
    dark=(0.2, 0.45),
)
def glitch(rgb: Array, p: Params, rng: Rng) -> Array:
    h = rgb.shape[0]
    start = np.sort(rng.integers(0, h, p["bands"]))
    jump = (rng.normal(0, p["jump"], p["bands"] + 1) * (rng.random(p["bands"] + 1) < 0.6)).astype(int)
    shift = jump[np.searchsorted(start, np.arange(h), "right")]
    out = np.stack([np.roll(row, move, 0) for row, move in zip(rgb, shift, strict=True)])
    out = np.stack([np.roll(out[..., i], (i - 1) * p["split"], 1) for i in range(3)], -1)
    lines = (np.arange(h) % p["pitch"] < p["pitch"] / 2).astype(np.float32)
    return out * (1 - p["dark"] * lines[:, None, None])


@style(
    "marbled paper",
    "combed marbling",
    held=True,
    amount=(9.0, 15.0),
    scale=(28.0, 45.0),
    pitch=(12.0, 20.0),
    comb=(30.0, 60.0),
    pull=(4.0, 12.0),
    light=(0.2, 0.45),
)
def marbling(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    height = np.dstack([rgb, yy]).astype(np.float32)
    bent = warp(height, p["amount"], p["scale"], rng)
    comb = p["pull"] * np.sin(2 * np.pi * xx / p["comb"])
    bent = cv2.remap(bent, xx + 6 * np.sin(yy / 11), yy + comb, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    phase = bent[..., 3] / p["pitch"] + 0.3 * smooth_noise((h, w), 40.0, rng)
    band = np.floor(3 * (phase % 1))[..., None]
    out = blur(bent[..., :3], 1.0)
    out = np.where(band == 0, out, np.where(band == 1, out * (1 - p["light"]), out + p["light"] * (1 - out)))
    return blur(out.astype(np.float32), 0.5)


@style(
    "knitting",
    "knitted wool stitches",
    held=True,
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
    # Each column of stitches is a V: its sides rise away from the middle.
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
    "felt circles",
    "cut-out round patches",
    held=True,
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

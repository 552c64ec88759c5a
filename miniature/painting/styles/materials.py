"""Materials: plastic bricks, straw, wood, metal, sand, plaster, wax."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import (
    axes,
    blur,
    bristles,
    cells,
    circles,
    flow,
    grey,
    ink_lines,
    kuwahara,
    quantise,
    relief,
    scatter,
    smooth_noise,
    stretch,
    warp,
)
from miniature.painting.styles.registry import Array, Params, Rng, style


def _blocks(rgb: Array, wide: int, high: int) -> tuple[Array, Array, Array]:
    """Mean colours of grid cells at the picture's size, and each pixel's position within its cell in [-1, 1]."""
    h, w = rgb.shape[:2]
    small = cv2.resize(rgb, (-(-w // wide), -(-h // high)), interpolation=cv2.INTER_AREA)
    yy, xx = np.mgrid[0:h, 0:w]
    u, v = (xx % wide + 0.5) / wide * 2 - 1, (yy % high + 0.5) / high * 2 - 1
    return small[yy // high, xx // wide], u.astype(np.float32), v.astype(np.float32)


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
    # One grain direction for each colour, derived from the tone, which is constant within a veneer.
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
    "faded fresco", "cracked plaster wall painting", held_out=True, radius=(4, 8), fade=(0.3, 0.5), crack=(18.0, 34.0)
)
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

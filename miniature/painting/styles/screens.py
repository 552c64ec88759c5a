"""Print and display screens: halftone, risograph, comic, pixels, glitch."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import axes, blur, grey, ink_lines, inks, kuwahara, quantise, stretch
from miniature.painting.styles.registry import Array, Params, Rng, style


@style(
    "halftone print",
    "newspaper halftone dots",
    "screen of printed dots",
    pitch=(4.0, 7.5),
    base=(0.0, 1.5),
    colour=[0, 1, 1],
    ink=(0.0, 0.5),
    paper=(0.3, 0.9),
)
def halftone(rgb: Array, p: Params, rng: Rng) -> Array:
    def screen(value: Array, angle: float) -> Array:
        u, v = axes(value.shape, angle)
        k = 2 * np.pi / p["pitch"]
        cell = 0.5 + 0.25 * (np.cos(k * u) + np.cos(k * v))
        return np.clip((cell - (1 - value)) * 5 + 0.5, 0, 1)

    if not p["colour"]:
        ink, ground = inks(rgb, p["ink"], p["paper"])
        return ground + (ink - ground) * screen(1 - stretch(grey(rgb)), p["base"])[..., None]
    ground = np.float32([0.98, 0.96, 0.9])
    layers = [screen(1 - blur(rgb[..., i], 1.0), p["base"] + i * 0.52) for i in range(3)]
    return ground * (1 - 0.92 * np.stack(layers, -1))


@style(
    "risograph",
    "two-ink riso print",
    "grainy misregistered inks",
    keep=0.0,
    shift=(1.0, 4.0),
    grain=(0.15, 0.4),
    paper=(0.5, 0.9),
)
def risograph(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    flat = rgb.reshape(-1, 3)
    order = np.argsort(flat.sum(1))
    colours = [flat[order[: len(order) // 6]].mean(0), flat[order[len(order) // 3 : len(order) // 2]].mean(0)]
    out = np.ones_like(rgb) * np.float32([0.97, 0.95, 0.9])
    for i, (ink, level) in enumerate(zip(colours, (0.45, 0.85), strict=True)):
        mean = ink.mean()
        ink = np.clip(mean + (ink - mean) * 2.2, 0.02, 0.95)
        value = np.clip((level - tone) * 2, 0, 1)
        dots = (value + p["grain"] * rng.standard_normal(tone.shape) * 0.8 > 0.35).astype(np.float32)
        dots = blur(np.roll(dots, (int(i * p["shift"]), int(i * p["shift"] * 0.6)), (0, 1)), 0.6)[..., None]
        out = out * (1 - dots * (1 - ink))
    return out


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


@style("pixel art", "coarse square pixels", "blocky pixels", pitch=(5, 9), colours=(6, 14), keep=0.3)
def pixels(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    small = cv2.resize(rgb, (-(-w // k), -(-h // k)), interpolation=cv2.INTER_AREA)
    return np.repeat(np.repeat(quantise(small, p["colours"], rng), k, 0), k, 1)[:h, :w]


@style(
    "glitch",
    "torn scanlines of a screen",
    held_out=True,
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

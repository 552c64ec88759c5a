"""Styles of lines and prints: pencil, hatching, woodcut, linocut, halftone, riso, stitches, chalk and others."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.fields import (
    axes,
    blur,
    bristles,
    circles,
    edge_angle,
    grey,
    ink_lines,
    inks,
    kuwahara,
    paper,
    pick,
    quantise,
    smooth_noise,
    stretch,
)  # fmt: skip
from miniature.registry import Array, Params, style

Rng = np.random.Generator


@style(
    "graphite pencil",
    "pencil drawing",
    "fine pencil shading",
    keep=0.0,
    base=(0.3, 2.8),
    line=(1.0, 2.5),
    tone=(0.3, 0.8),
    warm=(0.0, 0.1),
)
def pencil(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    angle = np.full(tone.shape, p["base"], np.float32)
    hatch = bristles(angle, 24, rng, 1.0)
    shade = np.clip((1 - tone) * p["tone"] * (1 + 0.7 * hatch), 0, 0.8)
    line = ink_lines(blur(tone, 0.6), 0.9, p["line"]) * np.clip(0.8 + 0.3 * paper(tone.shape, rng), 0, 1)
    out = 0.97 - np.maximum(shade, 0.75 * line) + 0.01 * paper(tone.shape, rng)
    return out[..., None] * np.float32([1, 1 - 0.5 * p["warm"], 1 - 1.6 * p["warm"]])


@style(
    "pen hatching",
    "cross-hatched ink lines",
    "engraved parallel lines",
    keep=0.0,
    pitch=(3.0, 5.5),
    base=(0.2, 2.9),
    ink=(0.1, 0.6),
    paper=(0.3, 0.9),
    wave=(0.0, 2.5),
)
def hatching(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 0.8)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    cover = np.zeros_like(tone)
    for turn, level in ((0.0, 0.8), (1.1, 0.5), (0.55, 0.27)):
        _, across = axes(tone.shape, p["base"] + turn)
        across = across + p["wave"] * smooth_noise(tone.shape, 50.0, rng)
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * across / p["pitch"])
        dark = np.clip((level - tone) * 2.2, 0, 1) * 0.65
        cover = np.maximum(cover, np.clip((wave - (1 - dark)) * 6, 0, 1))
    cover = np.maximum(cover, ink_lines(tone, 0.9, 1.0))[..., None]
    return ground + (ink - ground) * cover


@style(
    "charcoal",
    "smudged charcoal",
    "rough black charcoal strokes",
    keep=0.0,
    base=(0.3, 2.8),
    gain=(0.7, 1.1),
    tooth=(0.1, 0.25),
    warm=(0.0, 0.12),
)
def charcoal(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(kuwahara(rgb, 5))) ** 0.8
    coarse = bristles(np.full(tone.shape, p["base"], np.float32), 18, rng, 2.0)
    tooth = paper(tone.shape, rng, 1.8)
    dark = (1 - tone) * p["gain"] + 0.5 * ink_lines(tone, 1.8, 1.2)
    dark = np.clip(dark * (1 + 0.35 * coarse) + p["tooth"] * tooth * np.sqrt(np.clip(dark, 0, 1)), 0, 0.95)
    out = 0.95 - 0.88 * dark
    return out[..., None] * np.float32([1, 1 - 0.5 * p["warm"], 1 - 1.6 * p["warm"]])


@style(
    "woodcut",
    "carved woodcut lines",
    "wavy black woodcut",
    keep=0.0,
    pitch=(4.0, 8.0),
    base=(-0.4, 0.4),
    wave=(2.0, 7.0),
    ink=(0.0, 0.5),
    paper=(0.0, 0.7),
    follow=(0.0, 6.0),
)
def woodcut(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.2)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    _, across = axes(tone.shape, p["base"])
    phase = across + p["wave"] * smooth_noise(tone.shape, 40.0, rng) + p["follow"] * 3 * blur(tone, 4.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase / p["pitch"])
    white = np.clip((tone - 0.25 + 0.55 * (wave - 0.5)) * 7, 0, 1) * (1 - ink_lines(tone, 1.4, 1.5))
    return ink + (ground - ink) * white[..., None]


@style(
    "linocut",
    "bold linocut",
    "two-colour carved print",
    keep=0.1,
    pitch=(4.0, 7.0),
    ink=(0.0, 0.5),
    paper=(0.0, 0.7),
    radius=(4, 8),
    mid=[0, 1],
)
def linocut(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(kuwahara(rgb, p["radius"]))), 1.0)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    angle, _ = edge_angle(tone, 6.0)
    cut = bristles(angle, 20, rng, p["pitch"] * 0.45)
    bold = np.clip((tone - 0.5) * 12 + 0.5 + 1.3 * cut * (np.abs(tone - 0.5) < 0.28), 0, 1)[..., None]
    out = ink + (ground - ink) * bold
    if p["mid"]:
        flat = quantise(rgb, 3, rng)
        out = ink + (flat * 0.7 + 0.3 * ground - ink) * bold
    return out


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
    "chalk on a blackboard",
    "white chalk on black",
    "chalk drawing on slate",
    keep=0.2,
    line=(1.0, 2.5),
    tone=(0.2, 0.6),
    board=(0.05, 0.2),
    base=(0.3, 2.8),
    colour=(0.0, 1.0),
)
def chalk(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    soft = blur(kuwahara(rgb, 5).mean(-1), 1.0)
    line = ink_lines(1 - soft, 1.6, 0.7 * p["line"]) + ink_lines(soft, 1.6, 0.7 * p["line"])
    hatch = bristles(np.full(tone.shape, p["base"], np.float32), 20, rng, 1.4)
    dust = np.clip(tone**1.3 * p["tone"] * (1 + 0.8 * hatch), 0, 1) + line * np.clip(
        0.6 + 0.5 * paper(tone.shape, rng), 0, 1.2
    )
    board = p["board"] * np.float32([0.9, 1.0, 0.95])
    stick = 0.95 * (1 - p["colour"]) + p["colour"] * np.clip(rgb / (rgb.max(-1, keepdims=True) + 0.05), 0, 1)
    return board + (stick - board) * np.clip(dust, 0, 1)[..., None]


@style(
    "blueprint",
    "white lines on blue paper",
    "technical blueprint",
    keep=1.0,
    line=(1.2, 2.5),
    hue=(-0.12, 0.12),
    grid=[0, 12, 16, 24],
    tone=(0.0, 0.35),
)
def blueprint(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    soft = blur(kuwahara(rgb, 4).mean(-1), 0.8)
    line = np.clip(ink_lines(soft, 1.1, p["line"]) + ink_lines(1 - soft, 1.1, 0.5 * p["line"]), 0, 1)
    ground = np.float32([0.1 + p["hue"], 0.27, 0.6 - p["hue"]])
    cover = np.maximum(line * 0.9, p["tone"] * tone)
    if p["grid"]:
        cover[:: p["grid"]] = np.maximum(cover[:: p["grid"]], 0.25)
        cover[:, :: p["grid"]] = np.maximum(cover[:, :: p["grid"]], 0.25)
    out = ground + (0.95 - ground) * cover[..., None]
    return out * (1 + 0.05 * smooth_noise(tone.shape, 30.0, rng)[..., None])


@style("pixel art", "coarse square pixels", "blocky pixels", pitch=(5, 9), colours=(6, 14), keep=0.3)
def pixels(rgb: Array, p: Params, rng: Rng) -> Array:
    h, w = rgb.shape[:2]
    k = p["pitch"]
    small = cv2.resize(rgb, (-(-w // k), -(-h // k)), interpolation=cv2.INTER_AREA)
    return np.repeat(np.repeat(quantise(small, p["colours"], rng), k, 0), k, 1)[:h, :w]


@style("stippled ink", "ink stipple dots", held=True, keep=0.0, count=(6000, 10000), ink=(0.1, 0.5), paper=(0.4, 0.9))
def stipple(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    ink, ground = inks(rgb, p["ink"], p["paper"])
    points = rng.uniform(0, min(tone.shape), (p["count"], 2))
    keep = rng.random(len(points)) < (1 - pick(tone, points.astype(int))) ** 1.3
    mask = np.zeros(tone.shape, np.uint8)
    circles(mask, points[keep], 9 / 8, np.full((keep.sum(), 1), 255))
    return ground + (ink - ground) * (mask.astype(np.float32) / 255)[..., None]


@style(
    "copper engraving",
    "swelling engraved contour lines",
    held=True,
    keep=0.0,
    pitch=(3.5, 5.0),
    ink=(0.1, 0.5),
    paper=(0.3, 0.8),
)
def engraving(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = blur(stretch(grey(rgb)), 1.0)
    ink, ground = inks(rgb, p["ink"], p["paper"])
    h, w = tone.shape
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    cx, cy = rng.uniform(-0.3, 1.3, 2) * (w, h)
    radius = np.hypot(xx - cx, yy - cy) + 10 * blur(tone, 6.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * radius / p["pitch"])
    cover = np.clip((wave - tone * 1.05) * 5 + 0.3, 0, 1)[..., None]
    return ground + (ink - ground) * cover


@style("scratchboard", "white scratches on black", held=True, keep=0.3, pitch=(2.5, 4.0), tint=(0.0, 0.6))
def scratch(rgb: Array, p: Params, rng: Rng) -> Array:
    tone = stretch(grey(rgb))
    angle, _ = edge_angle(tone, 5.0)
    lines = bristles(angle + np.pi / 2, 14, rng, p["pitch"] * 0.4)
    light = np.clip((lines * 0.45 + tone - 0.62) * 6, 0, 1)[..., None]
    return 0.04 + light * (0.95 * (1 - p["tint"]) + p["tint"] * rgb)

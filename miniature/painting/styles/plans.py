"""Technical drawings: blueprint, contour map, ridge lines, typewriter art."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, grey, ink_lines, inks, kuwahara, smooth_noise, stretch, threads
from miniature.painting.styles.registry import Array, Params, Rng, style


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
    "ridge lines",
    "rows of raised profile lines",
    held_out=True,
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


def _glyphs(k: int, thickness: int) -> Array:
    """(n, k, k) coverage of typed characters, light to dark."""
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

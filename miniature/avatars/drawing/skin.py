"""Neck, ears, head with shading, freckles, wrinkles and nose."""

from __future__ import annotations

import numpy as np

from miniature.avatars.data.attributes import Attributes, Rng
from miniature.avatars.drawing.anatomy import Anatomy
from miniature.avatars.drawing.canvas import Canvas, mirror, moved
from miniature.avatars.drawing.colours import Skin, mix
from miniature.painting.shapes import Array, curve, oval

LINE = 0.0065


def neck(canvas: Canvas, body: Anatomy, skin: Skin, figure: str) -> None:
    half = 0.118 if figure == "man" else 0.100
    right = curve(
        [(0.5 + half, 0.70), (0.5 + half, 0.86), (0.5 + half + 0.03, 0.92), (0.5 + 0.30, 0.985), (0.80, 1.3)], 40
    )
    shape = np.concatenate([right, mirror(right)])
    canvas.fill(shape, skin.base)
    clip = canvas.area(shape)
    canvas.fill(moved(body.outline, 0.0, 0.045), skin.deep, 0.55, soft=0.016, clip=clip)
    canvas.ring(shape, LINE, skin.deep, 0.45, clip=clip)


def ears(canvas: Canvas, body: Anatomy, skin: Skin) -> None:
    for side in (-1, 1):
        x = 0.5 + side * (body.width + 0.004)
        shape = oval(x, 0.535, 0.036, 0.062, -0.16 * side)
        canvas.fill(shape, mix(skin.base, skin.blush, 0.18))
        canvas.ring(shape, LINE, skin.deep, 0.6)
        fold = curve([(x + side * 0.002, 0.497), (x + side * 0.020, 0.515), (x + side * 0.014, 0.550), (x, 0.568)], 20)
        canvas.stroke(fold, (0.003, 0.009, 0.003), skin.shadow, 0.9)


def head(canvas: Canvas, body: Anatomy, skin: Skin, a: Attributes) -> Array:
    """The face with shading; returns its mask."""
    canvas.fill(body.outline, skin.base)
    face = canvas.area(body.outline)
    away = 0.5 - 0.30 * np.sign(a.light + 1e-3) * (0.6 + 0.4 * abs(a.light))
    canvas.glow(away, 0.62, 0.12, 0.26, skin.shadow, 0.75, face)
    canvas.glow(0.5, body.chin + 0.03, 0.20, 0.055, skin.shadow, 0.55, face)
    canvas.glow(1 - away, 0.34, 0.14, 0.16, skin.light, 0.75, face)
    for eye in body.eyes:
        canvas.glow(eye.x, eye.y - 0.03, 0.055, 0.03, skin.shadow, 0.40, face)
        canvas.glow(eye.x + 0.035 * eye.side, 0.605, 0.054, 0.036, skin.blush, 0.52 if a.blush == "yes" else 0.16, face)
        canvas.glow(eye.x + 0.02 * eye.side, 0.560, 0.030, 0.016, skin.light, 0.55, face)
    canvas.ring(body.outline, LINE, skin.deep, 0.75)
    return face


def marks(canvas: Canvas, body: Anatomy, skin: Skin, a: Attributes, face: Array, rng: Rng) -> None:
    """Freckles and wrinkles."""
    if a.freckles == "yes":
        places = rng.normal((body.middle, 0.587), (0.095, 0.024), (34, 2))
        dots = [oval(x, y, r) for (x, y), r in zip(places, rng.uniform(0.0035, 0.0066, 34), strict=True)]
        canvas.fill(dots, skin.deep, 0.55, clip=face)
    if a.age == "young":
        return
    old = a.age == "old"
    for eye in body.eyes:
        s = eye.side
        x, y = eye.x, eye.y
        bag = curve([(x - 0.045, y + 0.046), (x, y + 0.058), (x + 0.045, y + 0.046)], 16)
        canvas.stroke(bag, (0.001, 0.006, 0.001), skin.deep, 0.55 if old else 0.22, clip=face)
        m = body.mouth
        fold = curve(
            [(body.nose[0] + s * 0.055, 0.612), (m.x + s * 0.088, 0.655), (m.x + s * (m.half + 0.030), 0.715)], 16
        )
        canvas.stroke(fold, (0.002, 0.007, 0.001), skin.deep, 0.60 if old else 0.20, clip=face)
        for k in (-1, 0, 1) if old else ():
            foot = [(x + s * 0.072, y + 0.010 + 0.012 * k), (x + s * 0.096, y + 0.012 + 0.026 * k)]
            canvas.stroke(curve(foot, 8), (0.005, 0.001), skin.deep, 0.55, clip=face)
    for k in range(3) if old else ():
        y, half = 0.292 + 0.026 * k, 0.085 + 0.012 * k
        crease = curve([(body.middle - half, y + 0.004), (body.middle, y - 0.003), (body.middle + half, y + 0.004)], 16)
        canvas.stroke(crease, (0.001, 0.005, 0.001), skin.deep, 0.50, clip=face)


def nose(canvas: Canvas, body: Anatomy, skin: Skin, a: Attributes) -> None:
    x, y, half = body.nose
    turned = 1 if a.light < 0 else -1
    if a.nose in ("straight", "broad"):
        ridge = curve(
            [(x + turned * 0.018, 0.50), (x + turned * 0.022, 0.545), (x + turned * half * 0.9, y + 0.005)], 20
        )
        canvas.stroke(ridge, (0.002, 0.010, 0.012), skin.shadow, 0.75, soft=0.004)
    canvas.glow(x + turned * 0.020, y - 0.005, 0.017, 0.030, skin.shadow, 0.60)
    round_tip = 1.25 if a.nose == "button" else 1.0
    canvas.glow(x, y + 0.002, half * 0.62 * round_tip, 0.018, skin.blush, 0.28)
    canvas.fill(oval(x - turned * 0.008, y - 0.004, 0.010 * round_tip, 0.008 * round_tip), skin.light, 0.85, soft=0.003)
    dip = 0.010 if a.nose == "button" else 0.006
    base = curve(
        [(x - half, y + 0.010), (x - half * 0.62, y + 0.026), (x - half * 0.2, y + 0.022), (x, y + 0.024 + dip),
         (x + half * 0.2, y + 0.022), (x + half * 0.62, y + 0.026), (x + half, y + 0.010)], 40,
    )  # fmt: skip
    if a.nose == "small":
        base = base[8:-8]
    canvas.stroke(base, (0.003, 0.009, 0.006, 0.009, 0.003), skin.deep, 0.85)

"""Hats, and the mask of hair that stays visible."""

from __future__ import annotations

import numpy as np

from miniature.avatars.data.attributes import Attributes
from miniature.avatars.drawing.anatomy import Anatomy
from miniature.avatars.drawing.canvas import Canvas, both, mirror, moved
from miniature.avatars.drawing.colours import CLOTH, INK, WHITE, mix
from miniature.painting.shapes import Array, curve, oval, rgb

HAT_LINES = {"cap": (0.300, 0.345), "beanie": (0.305, 0.375), "straw hat": (0.285, 0.325)}
"""y coordinate of the hat's edge in the middle and at the sides."""
LOWERED = np.array([[1, 0, 0], [0, 1, 0.016], [0, 0, 1]])


def below_hat(canvas: Canvas, a: Attributes) -> Array | None:
    """Mask of the hair that is visible below the hat; ``None`` if everything is."""
    if a.hat not in HAT_LINES:
        return None
    middle, side = HAT_LINES[a.hat]
    line = curve(
        [(-0.3, 0.20), (0.10, 0.24), (0.235, side), (0.5, middle), (0.765, side), (0.90, 0.24), (1.3, 0.20)], 40
    )
    return canvas.area(np.concatenate([line - [0, 0.03], [(1.5, 1.6), (-0.5, 1.6)]]))


def hat(canvas: Canvas, body: Anatomy, a: Attributes) -> None:
    if a.hat == "none":
        return
    # The colour opposite to that of the clothes.
    names = list(CLOTH)[:6]
    colour = rgb(CLOTH[names[(names.index(a.cloth) + 3) % 6 if a.cloth in names else 0]])
    {"cap": _cap, "beanie": _beanie, "straw hat": _straw, "crown": _crown}[a.hat](canvas, body, colour)


def _dome(canvas: Canvas, wide: float, top: float, side: float, middle: float, colour: Array) -> Array:
    right = curve(
        [
            (0.5, top),
            (0.5 + 0.13, top + 0.02),
            (0.5 + wide * 0.87, top + 0.12),
            (0.5 + wide, side - 0.03),
            (0.5 + wide - 0.004, side),
        ],
        30,
    )
    low = curve([(0.5 + wide, side), (0.5, middle), (0.5 - wide, side)], 30)
    shape = np.concatenate([right, low, mirror(right)])
    canvas.fade(shape, mix(colour, WHITE, 0.16), mix(colour, INK, 0.14))
    clip = canvas.area(shape)
    canvas.glow(0.5 - 0.11, top + 0.09, 0.07, 0.06, mix(colour, WHITE, 0.5), 0.6, clip)
    canvas.glow(0.5 + wide, side - 0.06, 0.09, 0.16, mix(colour, INK, 0.5), 0.55, clip)
    canvas.ring(shape, 0.007, mix(colour, INK, 0.6), 0.8)
    return clip


def _cap(canvas: Canvas, body: Anatomy, colour: Array) -> None:
    wide, top, dark = body.width + 0.030, body.top - 0.065, mix(colour, INK, 0.55)
    clip = _dome(canvas, wide, top, 0.345, 0.300, colour)
    for bow in (-0.10, 0.10):
        canvas.stroke(
            curve([(0.5 + bow * 0.3, top), (0.5 + bow, top + 0.1), (0.5 + bow * 1.2, 0.31)], 20),
            (0.005, 0.005),
            dark,
            0.5,
            clip=clip,
        )
    canvas.fill(oval(0.5, top + 0.002, 0.022, 0.012), dark)
    end = 0.5 + wide
    over = curve([(1.008 - end, 0.335), (0.38, 0.268), (0.5, 0.256), (0.62, 0.268), (end - 0.008, 0.335)], 30)
    under = curve([(end + 0.012, 0.372), (0.64, 0.350), (0.5, 0.343), (0.36, 0.350), (0.988 - end, 0.372)], 30)
    brim = np.concatenate([over, under])
    canvas.fill(moved(brim, 0, 0.022), INK, 0.30, soft=0.010)
    canvas.fade(brim, mix(colour, INK, 0.08), mix(colour, INK, 0.34))
    canvas.ring(brim, 0.007, dark, 0.9)
    canvas.fill(oval(0.5, 0.195, 0.040), mix(colour, WHITE, 0.85), 0.95)
    canvas.fill(oval(0.5, 0.195, 0.024), colour)


def _beanie(canvas: Canvas, body: Anatomy, colour: Array) -> None:
    wide, top, dark = body.width + 0.030, body.top - 0.075, mix(colour, INK, 0.5)
    clip = _dome(canvas, wide, top, 0.36, 0.30, colour)
    for k in np.linspace(-0.9, 0.9, 9):
        rib = curve([(0.5 + 0.25 * k * wide, top), (0.5 + 0.85 * k * wide, top + 0.11), (0.5 + k * wide, 0.34)], 16)
        canvas.stroke(rib, (0.004, 0.006), dark, 0.35, clip=clip)
    light = mix(colour, WHITE, 0.72)
    band = np.concatenate([
        curve([(0.5 - wide - 0.010, 0.300), (0.5, 0.238), (0.5 + wide + 0.010, 0.300)], 30),
        curve([(0.5 + wide + 0.014, 0.385), (0.5, 0.318), (0.5 - wide - 0.014, 0.385)], 30),
    ])  # fmt: skip
    canvas.fill(moved(band, 0, 0.014), INK, 0.28, soft=0.010)
    canvas.fade(band, light, mix(light, INK, 0.16))
    inside = canvas.area(band)
    for k in np.linspace(-0.95, 0.95, 17):
        x = 0.5 + k * wide
        canvas.stroke([(x, 0.22), (x + 0.012 * k, 0.39)], (0.005, 0.005), mix(light, INK, 0.45), 0.5, clip=inside)
    canvas.ring(band, 0.006, dark, 0.8)
    for r, shade in ((0.060, 0.18), (0.052, 0.0)):
        spikes = 1 + 0.07 * np.cos(np.linspace(0, 2 * np.pi * 14, 64, endpoint=False))
        canvas.fill((oval(0, 0, r) * spikes[:, None]) + [0.5, top - 0.008], mix(light, INK, shade))
    canvas.glow(0.485, top - 0.022, 0.022, 0.02, WHITE, 0.7)


def _straw(canvas: Canvas, body: Anatomy, colour: Array) -> None:
    previous, canvas.pose = canvas.pose, canvas.pose @ LOWERED
    straw, dark = rgb("#ecc877"), rgb("#8a5a24")
    top = body.top - 0.105
    brim = np.concatenate([
        curve([(0.045, 0.315), (0.22, 0.225), (0.5, 0.200), (0.78, 0.225), (0.955, 0.315)], 40),
        curve([(0.955, 0.325), (0.76, 0.305), (0.5, 0.290), (0.24, 0.305), (0.045, 0.325)], 40),
    ])  # fmt: skip
    canvas.fill(moved(brim, 0, 0.030), INK, 0.30, soft=0.014, clip=canvas.area(body.outline))
    canvas.fade(brim, mix(straw, WHITE, 0.25), mix(straw, dark, 0.35))
    inside = canvas.area(brim)
    for k in range(4):
        arc = curve([(0.03, 0.325 - 0.004 * k), (0.5, 0.280 - 0.020 * k), (0.97, 0.325 - 0.004 * k)], 40)
        canvas.ring(arc, 0.0045, dark, 0.35, closed=False, clip=inside)
    canvas.ring(brim, 0.007, dark, 0.85)
    crown = both(curve([(0.5, top), (0.61, top + 0.012), (0.675, top + 0.075), (0.705, 0.235)], 20))
    low = curve([(0.705, 0.235), (0.5, 0.262), (0.295, 0.235)], 20)
    shape = np.concatenate([crown[:20], low, crown[20:]])
    canvas.fade(shape, mix(straw, WHITE, 0.30), mix(straw, dark, 0.12))
    clip = canvas.area(shape)
    for k in range(6):
        arc = curve(
            [(0.28, top + 0.03 + 0.032 * k), (0.5, top + 0.050 + 0.032 * k), (0.72, top + 0.03 + 0.032 * k)], 30
        )
        canvas.ring(arc, 0.0045, dark, 0.30, closed=False, clip=clip)
    canvas.glow(0.72, 0.18, 0.07, 0.12, dark, 0.4, clip)
    ribbon = np.concatenate([low - [0, 0.052], low[::-1]])
    canvas.fill(ribbon, colour, clip=clip)
    canvas.ring(low - [0, 0.052], 0.006, mix(colour, INK, 0.5), 0.7, closed=False, clip=clip)
    canvas.ring(shape, 0.007, dark, 0.85)
    canvas.pose = previous


def _crown(canvas: Canvas, body: Anatomy, colour: Array) -> None:
    gold, deep = rgb("#f5c542"), rgb("#a8701a")
    half, foot, band, tip = 0.192, body.top + 0.066, body.top - 0.004, body.top - 0.122
    xs = np.linspace(-1, 1, 9)
    spikes = np.stack(
        [
            0.5 + half * xs * np.where(np.arange(9) % 2, 1.03, 1.16),
            np.where(np.arange(9) % 2, band - 0.014, tip + 0.03 * np.abs(xs)),
        ],
        1,
    )
    low = curve([(0.5 + half, foot - 0.022), (0.5, foot), (0.5 - half, foot - 0.022)], 30)
    shape = np.concatenate([spikes, low])
    canvas.fill(moved(low, 0, 0.008), INK, 0.25, soft=0.008)
    canvas.fade(shape, mix(gold, WHITE, 0.35), mix(gold, deep, 0.35))
    clip = canvas.area(shape)
    canvas.glow(0.40, band, 0.05, 0.06, rgb("#fff3b8"), 0.75, clip)
    canvas.glow(0.70, band, 0.05, 0.10, deep, 0.6, clip)
    canvas.ring(low - [0, 0.040], 0.005, deep, 0.7, closed=False, clip=clip)
    canvas.ring(shape, 0.008, deep, 0.9)
    for x, y in spikes[::2]:
        canvas.fill(oval(x, y, 0.017), deep)
        canvas.fill(oval(x, y, 0.0125), mix(gold, WHITE, 0.5))
    for k, jewel in zip((-2, -1, 0, 1, 2), ("#3f8edb", "#d6494b", "#4ba35a", "#d6494b", "#3f8edb"), strict=True):
        x, y = 0.5 + 0.076 * k, foot - 0.020 - 0.0042 * k * k
        canvas.fill(oval(x, y, 0.015, 0.013), deep)
        canvas.fill(oval(x, y, 0.0115, 0.010), rgb(jewel))
        canvas.fill(oval(x - 0.004, y - 0.003, 0.0035), WHITE, 0.9)

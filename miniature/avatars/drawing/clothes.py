"""Shoulders and clothes."""

from __future__ import annotations

import numpy as np

from miniature.avatars.data.attributes import Attributes
from miniature.avatars.drawing.canvas import Canvas, both, mirror, moved
from miniature.avatars.drawing.colours import CLOTH, INK, WHITE, Skin, mix
from miniature.painting.shapes import Array, curve, oval, rgb


def _shoulders(figure: str, collar: float, height: float = 0.885) -> Array:
    """The right shoulder line from the neck outwards; ``collar`` is half the width of the neckline."""
    out = 0.03 if figure == "man" else 0.0
    right = [
        (0.5 + collar, height), (0.5 + 0.24 + out, height + 0.040), (0.5 + 0.37 + out, height + 0.080),
        (0.5 + 0.45 + out, height + 0.17), (0.5 + 0.49 + out, 1.35),
    ]  # fmt: skip
    return curve(right, 40)


def _garment(canvas: Canvas, edge: Array, neckline: float, colour: Array) -> Array:
    """A garment with a round neckline of depth ``neckline``; returns its mask."""
    neck = _neckline(edge, neckline)
    shape = np.concatenate([edge, mirror(edge), neck])
    canvas.fade(shape, mix(colour, WHITE, 0.10), mix(colour, INK, 0.45))
    clip = canvas.area(shape)
    canvas.glow(0.22, 0.95, 0.10, 0.05, mix(colour, WHITE, 0.45), 0.55, clip)
    canvas.ring(np.concatenate([edge, mirror(edge)]), 0.007, mix(colour, INK, 0.6), 0.75, closed=False, clip=clip)
    return clip


def _neckline(edge: Array, deep: float) -> Array:
    """The neckline from left to right, ``deep`` below its ends in the middle."""
    x, y = edge[0]
    near = 0.55 * (x - 0.5)
    return curve(
        [(1 - x, y), (0.5 - near, y + 0.72 * deep), (0.5, y + deep), (0.5 + near, y + 0.72 * deep), (x, y)], 30
    )


def _neck_band(canvas: Canvas, edge: Array, neckline: float, width: float, paint: Array) -> None:
    line = _neckline(edge, neckline)
    canvas.stroke(line, (width * 0.8, width, width * 0.8), paint)
    canvas.ring(moved(line, 0, width * 0.55), 0.005, mix(paint, INK, 0.5), 0.6, closed=False)


def behind(canvas: Canvas, a: Attributes) -> None:
    """A hood behind the neck."""
    if a.clothes == "hoodie":
        colour = rgb(CLOTH[a.cloth])
        hood = both(
            curve([(0.5, 0.76), (0.5 + 0.19, 0.765), (0.5 + 0.285, 0.83), (0.5 + 0.30, 0.93), (0.5 + 0.2, 1.02)], 30)
        )
        canvas.fade(hood, mix(colour, INK, 0.22), mix(colour, INK, 0.55))
        canvas.ring(hood, 0.007, mix(colour, INK, 0.65), 0.8)


def clothes(canvas: Canvas, skin: Skin, a: Attributes) -> None:
    colour = rgb(CLOTH[a.cloth])
    {"t-shirt": _shirt, "striped shirt": _striped, "hoodie": _hoodie, "suit": _suit, "dress": _dress}[a.clothes](
        canvas, colour, skin, a
    )


def _shirt(canvas: Canvas, colour: Array, skin: Skin, a: Attributes) -> None:
    edge = _shoulders(a.figure, 0.150)
    _garment(canvas, edge, 0.075, colour)
    _neck_band(canvas, edge, 0.075, 0.022, mix(colour, WHITE, 0.22))


def _striped(canvas: Canvas, colour: Array, skin: Skin, a: Attributes) -> None:
    edge = _shoulders(a.figure, 0.150)
    ground = rgb("#f7f3ea") if a.cloth != "white" else rgb("#39507a")
    clip = _garment(canvas, edge, 0.075, ground)
    for k in range(8):
        y = 0.905 + 0.046 * k
        line = curve([(-0.1, y + 0.045), (0.25, y + 0.01), (0.5, y + 0.018), (0.75, y + 0.01), (1.1, y + 0.045)], 30)
        canvas.stroke(line, (0.024, 0.024), colour, clip=clip)
    _neck_band(canvas, edge, 0.075, 0.022, colour)


def _hoodie(canvas: Canvas, colour: Array, skin: Skin, a: Attributes) -> None:
    edge = _shoulders(a.figure, 0.165, 0.878)
    _garment(canvas, edge, 0.085, colour)
    for side in (-1, 1):
        fold = [(0.5 + side * 0.19, 0.855), (0.5 + side * 0.175, 0.915), (0.5 + side * 0.10, 0.965), (0.5, 0.985)]
        canvas.stroke(curve(fold, 20), (0.030, 0.052, 0.050, 0.034), mix(colour, INK, 0.30))
        canvas.stroke(curve(fold, 20) - [side * 0.004, 0.006], (0.022, 0.040, 0.040, 0.026), mix(colour, WHITE, 0.14))
        cord = curve([(0.5 + side * 0.075, 0.975), (0.5 + side * 0.085, 1.01), (0.5 + side * 0.08, 1.08)], 12)
        canvas.stroke(cord, (0.012, 0.012), rgb("#f7f3ea"))


def _suit(canvas: Canvas, colour: Array, skin: Skin, a: Attributes) -> None:
    white = rgb("#f6f4f1")
    edge = _shoulders(a.figure, 0.135)
    _garment(canvas, edge, 0.10, white)
    cloth = mix(colour, rgb("#20222e"), 0.62)
    tie = colour if a.cloth not in ("black", "white") else rgb("#c33f47")
    canvas.fill([(0.476, 0.958), (0.524, 0.958), (0.536, 1.3), (0.464, 1.3)], tie)
    canvas.fill([(0.470, 0.945), (0.530, 0.945), (0.518, 0.984), (0.482, 0.984)], mix(tie, INK, 0.22))
    for side in (-1, 1):
        flip = np.array([[side, 0], [0, 1.0]])
        origin = np.array([0.5, 0.0])
        half = np.concatenate([_shoulders(a.figure, 0.150, 0.880) - origin, [(0.03, 1.35), (0.07, 1.10)]])
        canvas.fade(half @ flip + origin, mix(cloth, WHITE, 0.12), mix(cloth, INK, 0.3))
        lapel = np.array(
            [(0.125, 0.868), (0.200, 0.895), (0.205, 0.955), (0.165, 0.962), (0.172, 0.99), (0.06, 1.14), (0.062, 1.06)]
        )
        canvas.fill(lapel @ flip + origin, mix(cloth, WHITE, 0.16))
        canvas.ring(lapel @ flip + origin, 0.006, mix(cloth, INK, 0.6), 0.8)
        canvas.ring(half[:40] @ flip + origin, 0.007, mix(cloth, INK, 0.6), 0.8, closed=False)
        collar = np.array([(0.108, 0.850), (0.140, 0.872), (0.088, 0.985), (0.012, 0.952)])
        canvas.fill(collar @ flip + origin, white)
        canvas.ring(collar @ flip + origin, 0.005, rgb("#9c97a6"), 0.8)


def _dress(canvas: Canvas, colour: Array, skin: Skin, a: Attributes) -> None:
    """A dress with straps, bare shoulders and a necklace."""
    edge = _shoulders(a.figure, 0.125, 0.905)
    shape = np.concatenate([edge, mirror(edge)])
    canvas.fill(shape, skin.base)
    clip = canvas.area(shape)
    canvas.ring(shape[:80], 0.0065, skin.deep, 0.5, closed=False, clip=clip)
    canvas.glow(0.5, 0.93, 0.10, 0.03, skin.shadow, 0.6)
    for side in (-1, 1):
        strap = curve([(0.5 + side * 0.205, 0.895), (0.5 + side * 0.20, 0.96), (0.5 + side * 0.17, 1.05)], 14)
        canvas.stroke(strap, (0.050, 0.056, 0.070), mix(colour, INK, 0.35))
        canvas.stroke(strap, (0.040, 0.046, 0.060), colour)
    bodice = np.concatenate(
        [
            curve(
                [(-0.1, 1.02), (0.27, 0.985), (0.42, 0.978), (0.5, 1.0), (0.58, 0.978), (0.73, 0.985), (1.1, 1.02)], 40
            ),
            [(1.2, 1.4), (-0.2, 1.4)],
        ]
    )
    canvas.fill(bodice, colour, clip=clip)
    canvas.ring(bodice, 0.007, mix(colour, INK, 0.5), 0.8, clip=clip)
    chain = curve([(0.5 - 0.115, 0.885), (0.43, 0.935), (0.5, 0.950), (0.57, 0.935), (0.5 + 0.115, 0.885)], 15)
    canvas.fill([oval(x, y, 0.0095) for x, y in chain], rgb("#8b7f8a"), 0.7)
    canvas.fill([oval(x - 0.001, y - 0.001, 0.0075) for x, y in chain], rgb("#fbf7f0"))

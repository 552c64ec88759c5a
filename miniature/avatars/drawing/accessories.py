"""Glasses and earrings."""

from __future__ import annotations

import numpy as np

from miniature.avatars.data.attributes import Attributes
from miniature.avatars.drawing.anatomy import Anatomy
from miniature.avatars.drawing.canvas import Canvas, moved
from miniature.avatars.drawing.colours import INK, WHITE, mix
from miniature.painting.shapes import Array, curve, oval, rgb

FRAMES = {"black": "#2a242c", "blue": "#3a5a9a", "red": "#b5383e", "brown": "#7a4c2c", "white": "#6d6573"}


def square(x: float, y: float, half: float, high: float, corner: float = 4.5) -> Array:
    """A rounded rectangle."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    return np.stack(
        [x + half * np.sign(c) * np.abs(c) ** (2 / corner), y + high * np.sign(s) * np.abs(s) ** (2 / corner)], 1
    )


def temples(canvas: Canvas, body: Anatomy, a: Attributes) -> None:
    """The temples of glasses, drawn before the hair that covers them."""
    if a.glasses == "none":
        return
    for eye in body.eyes:
        x = eye.x + eye.side * 0.085
        canvas.stroke([(x, 0.468), (0.5 + eye.side * (body.width + 0.004), 0.478)], (0.012, 0.010), _frame(a))


def _frame(a: Attributes) -> Array:
    """The colour of the frame, which matches the clothes."""
    return rgb(FRAMES.get(a.cloth, FRAMES["black"])) if a.glasses != "sunglasses" else rgb("#211d26")


def glasses(canvas: Canvas, body: Anatomy, a: Attributes) -> None:
    if a.glasses == "none":
        return
    colour = _frame(a)
    left, right = body.eyes
    for eye in body.eyes:
        if a.glasses == "round":
            lens = oval(eye.x, eye.y + 0.003, 0.090, 0.088)
        elif a.glasses == "square":
            lens = square(eye.x, eye.y + 0.003, 0.096, 0.072)
        else:
            lens = square(eye.x + 0.004 * eye.side, eye.y + 0.010, 0.100, 0.074, 2.7)
        clip = canvas.area(lens)
        if a.glasses == "sunglasses":
            canvas.fade(lens, rgb("#1d1a24"), rgb("#5c4a5c"), 0.97)
        else:
            canvas.fill(lens, rgb("#dff0fa"), 0.14)
        x, y = eye.x - 0.030, eye.y - 0.02
        glint = [(x - 0.03, y + 0.07), (x + 0.035, y - 0.075), (x + 0.062, y - 0.075), (x - 0.003, y + 0.07)]
        canvas.fill(glint, WHITE, 0.22 if a.glasses == "sunglasses" else 0.26, clip=clip)
        canvas.ring(moved(lens, 0, 0.005), 0.010, INK, 0.18, soft=0.003)
        canvas.ring(lens, 0.0135, colour)
        arc = curve([(eye.x - 0.06, eye.y - 0.064), (eye.x - 0.02, eye.y - 0.080)], 8)
        canvas.stroke(arc, (0.001, 0.004, 0.001), mix(colour, WHITE, 0.7), 0.55)
    bridge = curve([(left.x + 0.088, 0.468), (0.5 * (left.x + right.x), 0.456), (right.x - 0.088, 0.468)], 12)
    canvas.stroke(bridge, (0.013, 0.012, 0.013), colour)


def earrings(canvas: Canvas, body: Anatomy, a: Attributes) -> None:
    if a.earrings == "none":
        return
    for side in (-1, 1):
        x, y = 0.5 + side * (body.width + 0.006), 0.600
        if a.earrings == "hoops":
            hoop = oval(x, y + 0.037, 0.029, 0.036)
            canvas.ring(hoop, 0.0125, rgb("#9a6414"))
            canvas.ring(moved(hoop, -0.0012, -0.0012), 0.008, rgb("#f6c945"))
            canvas.stroke(hoop[36:46], (0.001, 0.005, 0.001), rgb("#fff4c0"))
        else:
            canvas.fill(oval(x, y + 0.018, 0.026), rgb("#a9a2a8"))
            canvas.fill(oval(x - 0.001, y + 0.017, 0.0235), rgb("#f6f1ee"))
            canvas.glow(x + 0.007, y + 0.026, 0.009, 0.009, rgb("#c9bccb"), 0.8)
            canvas.fill(oval(x - 0.007, y + 0.010, 0.0065), WHITE)

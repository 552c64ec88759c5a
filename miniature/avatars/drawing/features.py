"""Eyes, brows and mouth."""

from __future__ import annotations

import numpy as np

from miniature.avatars.data.attributes import Attributes, Rng
from miniature.avatars.drawing.anatomy import Anatomy, Eye
from miniature.avatars.drawing.canvas import Canvas, moved, swell
from miniature.avatars.drawing.colours import EYES, HAIR, INK, LIPS, WHITE, Skin, mix
from miniature.painting.shapes import Array, curve, oval, rgb


def eyes(canvas: Canvas, body: Anatomy, skin: Skin, a: Attributes) -> None:
    for eye in body.eyes:
        if a.lids == "closed":
            _shut(canvas, eye, skin, a)
        else:
            _open(canvas, eye, skin, a)


def _lashes(canvas: Canvas, eye: Eye, lid: Array, a: Attributes, down: float) -> None:
    """Three eyelashes at the outer corner of a woman's eye."""
    if a.figure == "man":
        return
    outer = lid if eye.side > 0 else lid[::-1]
    for share, length in ((0.80, 0.016), (0.90, 0.020), (0.985, 0.020)):
        x, y = outer[int(share * (len(outer) - 1))]
        tip = (x + eye.side * length * 0.9, y - down * length * (1.25 - 0.7 * share))
        canvas.stroke(curve([(x, y), tip], 6), (0.008, 0.002), INK, 0.95)


def _shut(canvas: Canvas, eye: Eye, skin: Skin, a: Attributes) -> None:
    lid = eye.lower()
    canvas.fill(np.concatenate([eye.lid(np.linspace(-1, 1, 25), 0.036), lid[::-1]]), mix(skin.base, skin.shadow, 0.55))
    canvas.stroke(eye.lid(np.linspace(-0.95, 0.95, 25), 0.040), (0.001, 0.006, 0.001), skin.deep, 0.6)
    canvas.stroke(lid, (0.006, 0.013, 0.006), INK)
    _lashes(canvas, eye, lid, a, -0.6)


def _open(canvas: Canvas, eye: Eye, skin: Skin, a: Attributes) -> None:
    upper, lower = eye.upper(), eye.lower()
    almond = np.concatenate([upper, lower[::-1]])
    canvas.fill(almond, rgb("#fbfaf7"))
    clip = canvas.area(almond)
    radius = 0.0435 if a.lids != "wide" else 0.0415
    x, y = eye.x + 0.014 * a.gaze_x, eye.y - 0.004 + 0.008 * a.gaze_y
    colour = rgb(EYES[a.eyes])
    canvas.fill(oval(x, y, radius), mix(colour, INK, 0.62), clip=clip)
    canvas.fill(oval(x, y + 0.001, radius * 0.86), colour, clip=clip)
    canvas.glow(x, y + radius * 0.55, radius * 0.45, radius * 0.32, mix(colour, WHITE, 0.55), 0.85, clip)
    canvas.fill(oval(x, y, radius * 0.47), INK, clip=clip)
    canvas.fill(upper[::-1].tolist() + moved(upper, 0, 0.016).tolist(), rgb("#3c4a66"), 0.42, soft=0.004, clip=clip)
    glint = -1 if a.light < 0 else 1
    canvas.fill(oval(x + glint * radius * 0.36, y - radius * 0.36, radius * 0.30), WHITE, clip=clip)
    canvas.fill(oval(x - glint * radius * 0.40, y + radius * 0.42, radius * 0.14), WHITE, 0.85, clip=clip)
    canvas.stroke(lower, (0.003, 0.005, 0.003), mix(skin.deep, INK, 0.3), 0.75)
    heavy = 0.016 if a.figure == "woman" else 0.012
    widths = (0.005, heavy, heavy + 0.002) if eye.side > 0 else (heavy + 0.002, heavy, 0.005)
    canvas.stroke(upper, widths, INK)
    crease = eye.lid(np.linspace(-0.82, 0.82, 25), eye.up + 0.015)
    canvas.stroke(crease, (0.001, 0.006, 0.001), skin.deep, 0.65)
    _lashes(canvas, eye, upper, a, 1.0)


def brow_colour(a: Attributes) -> Array:
    """A darker tone of the hair colour, also for bald avatars."""
    deep, base = rgb(HAIR[a.hair][0]), rgb(HAIR[a.hair][1])
    return mix(base, deep, 0.55 if a.hair not in ("white", "grey") else 0.35)


def brows(canvas: Canvas, body: Anatomy, a: Attributes, rng: Rng) -> None:
    colour = brow_colour(a)
    thick = (0.026 if a.figure == "man" else 0.018) * (1 + 0.35 * a.brow_weight)
    for brow, eye in zip(body.brows, body.eyes, strict=True):
        line = curve(brow, 30)
        widths = (thick * 0.9, thick, thick * 0.2) if eye.side > 0 else (thick * 0.2, thick, thick * 0.9)
        canvas.stroke(line, widths, colour, 0.95)
        hairs = []
        for k in rng.permutation(26)[:9]:
            x, y = line[k + 1]
            hairs.append(swell([(x, y + thick * 0.25), (x + eye.side * 0.016, y - thick * 0.30)], (0.004, 0.001)))
        canvas.fill(hairs, mix(colour, WHITE, 0.25), 0.5)


def mouth(canvas: Canvas, body: Anatomy, skin: Skin, a: Attributes) -> None:
    m = body.mouth
    u = np.linspace(-1, 1, 41)
    above, over, under, below = m.edges(u)
    lips = rgb(LIPS[a.lips]) if a.lips in LIPS else skin.lips
    strong = 1.0 if a.lips in LIPS else 0.85 if a.figure == "woman" else 0.55
    canvas.glow(m.x, below[:, 1].max() + 0.018, 0.045, 0.010, skin.shadow, 0.75)
    canvas.fill(np.concatenate([above, below[::-1]]), lips, strong)
    canvas.fill(np.concatenate([above, over[::-1]]), mix(lips, INK, 0.35), 0.35 * strong)
    shine = m.line(np.linspace(-0.42, 0.32, 12), m.low, 0.012 * m.full)
    canvas.stroke(shine, (0.001, 0.008, 0.001), mix(lips, WHITE, 0.75), 0.75)
    if a.mouth in ("grin", "open", "surprised"):
        _inside(canvas, over, under, m.x, a)
    line = mix(lips, INK, 0.65)
    canvas.stroke(over, (0.004, 0.009, 0.009, 0.009, 0.004), line)
    if a.mouth in ("grin", "open", "surprised"):
        canvas.stroke(under, (0.004, 0.006, 0.004), line, 0.8)
    for side in (-1, 1) if a.mouth in ("smile", "grin") else ():
        x, y = m.x + side * m.half, over[0, 1]
        dimple = curve(
            [(x + side * 0.002, y - 0.010), (x + side * 0.010, y - 0.001), (x + side * 0.004, y + 0.010)], 10
        )
        canvas.stroke(dimple, (0.002, 0.008, 0.002), mix(skin.deep, INK, 0.2), 0.8)


def _inside(canvas: Canvas, over: Array, under: Array, x: float, a: Attributes) -> None:
    hole = np.concatenate([over, under[::-1]])
    canvas.fill(hole, rgb("#4a1620"))
    clip = canvas.area(hole)
    top, foot = over[:, 1].min(), under[:, 1].max()
    if a.mouth != "grin":
        canvas.fill(oval(x, foot + 0.004, 0.050, 0.026), rgb("#d9626a"), soft=0.002, clip=clip)
    if a.mouth == "surprised":
        return
    height = 0.017 if a.mouth == "open" else 0.026
    canvas.fill(np.concatenate([over, moved(over, 0, height)[::-1]]), rgb("#fdfcf8"), clip=clip)
    if a.mouth == "grin":
        gaps = [swell([(x + 0.028 * k, top), (x + 0.027 * k, top + 0.056)], (0.003, 0.003)) for k in (-2, -1, 0, 1, 2)]
        canvas.fill(gaps, rgb("#c9c3c6"), 0.5, clip=clip)

"""Printed: engraved lines, cut paper, colour blocks in contours, a cut block of lino."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.drawing import (
    SIZE,
    Array,
    Rng,
    area,
    below,
    cloudy,
    curve,
    disc,
    grid,
    lay,
    leaf,
    oval,
    polygon,
    ramp,
    rgb,
    ridge,
    sky,
    taper,
    trace,
)
from miniature.fields import blur, bristles, paper, smooth_noise, warp


def fjord(rng: Rng) -> Array:
    """Mountains and a low sun, engraved in dark green on cream with one colour plate."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    tone = np.clip(0.95 - 0.25 * yy / SIZE, 0, 1)
    cover = np.ones((SIZE, SIZE, 3), np.float32) * rgb("#f2e6c8")
    cv2.circle(cover, (340, 170), 62, rgb("#d9552f").tolist(), -1)
    tone[np.hypot(xx - 340, yy - 170) < 62] = 0.93
    for base, height, scale, level in ((230, 44, 120, 0.62), (290, 52, 90, 0.42), (338, 22, 160, 0.24)):
        line = ridge(rng, base, height, scale)
        ground = yy > line[None]
        slope = np.gradient(blur(line[None].astype(np.float32), 2)[0])
        tone[ground] = np.clip(
            level + 0.3 * np.sign(slope)[None] * np.abs(slope)[None] ** 0.5 + 0.1 * smooth_noise((SIZE, SIZE), 14, rng),
            0.05,
            0.9,
        )[ground]
        cover[ground] = rgb("#f2e6c8") + 0.4 * (1 - level) * (rgb("#5d8a76") - rgb("#f2e6c8"))
    water = yy > 372
    tone[water] = (0.72 - 0.5 * (np.sin(yy / 3.2 + 2 * smooth_noise((SIZE, SIZE), 40, rng)) > 0.35))[water]
    cover[water] = rgb("#a9c8bd")
    glint = water & (np.abs(xx - 340) < 20 + (yy - 372) * 0.28) & (np.sin(yy / 4.5) > 0)
    cover[glint] = rgb("#e58a5c")
    phase = yy * 1.0 + 7 * smooth_noise((SIZE, SIZE), 70, rng) + 26 * blur(tone, 12.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase / 8.5)
    ink = np.clip((wave - blur(tone, 1.0) * 1.15 + 0.12) * 4.5, 0, 1)[..., None]
    for x in (60, 92, 118, 420, 452, 486):
        h = rng.uniform(90, 150)
        for k in range(6):
            y, w = 400 - h + k * h / 6, 8 + k * 5
            cv2.fillPoly(ink, [np.int32([(x, y - 14), (x - w, y + h / 6), (x + w, y + h / 6)])], 0.96)
    return cover + (rgb("#1d3b3a") - cover) * ink


def harbour(rng: Rng) -> Array:
    """Boats and houses cut from coloured paper, bold and flat."""
    scene = sky("#f7d08a", "#f7d08a")
    cv2.circle(scene, (150, 150), 78, rgb("#f25c3b").tolist(), -1)
    below(scene, ridge(rng, 232, 18, 160), rgb("#d98c5f"))
    for i, (x, w, h) in enumerate(
        (
            (0, 70, 120),
            (66, 56, 90),
            (120, 64, 140),
            (182, 50, 96),
            (230, 70, 118),
            (298, 54, 150),
            (350, 66, 100),
            (414, 48, 132),
            (460, 60, 96),
        )
    ):
        code = ("#c8402f", "#f2ead8", "#1f5673", "#e9a23b", "#7fa99b")[i % 5]
        polygon(scene, [(x, 330), (x + w, 330), (x + w, 330 - h), (x + w / 2, 300 - h), (x, 330 - h)], code)
        for k in range(2):
            for j in range(int(h / 44)):
                left, top = int(x + 12 + k * w * 0.45), int(330 - h + 16 + j * 40)
                cv2.rectangle(scene, (left, top), (left + 12, top + 18), rgb("#16283a").tolist(), -1)
    below(scene, np.full(SIZE, 330.0), rgb("#1f5673"))
    xs = np.arange(SIZE)
    for k, code in enumerate(("#2c7a93", "#174a63", "#3f97a8", "#123a52")):
        below(scene, 362 + 38 * k + 9 * np.sin(xs / 26 + 1.7 * k), rgb(code))
    for x, y, s, code in ((120, 400, 1.0, "#f2ead8"), (330, 440, 1.5, "#f25c3b")):
        polygon(scene, [(x - 62 * s, y), (x + 62 * s, y), (x + 40 * s, y + 26 * s), (x - 44 * s, y + 26 * s)], code)
        polygon(scene, [(x - 4 * s, y - 8 * s), (x - 4 * s, y - 118 * s), (x + 54 * s, y - 8 * s)], "#f7e3b4")
        polygon(scene, [(x - 12 * s, y - 8 * s), (x - 12 * s, y - 96 * s), (x - 48 * s, y - 8 * s)], "#e9a23b")
    tone = blur(scene.mean(-1), 1.0)
    cast = np.roll(blur(tone, 4.0), (7, 7), (0, 1)) - tone
    out = scene * (1 - 0.32 * np.clip(cast * 5, -0.25, 1)[..., None])
    return out + 0.02 * blur(rng.standard_normal((SIZE, SIZE)).astype(np.float32), 1.0)[..., None] * 3


def wave(rng: Rng) -> Array:
    """A breaking wave and a far white mountain, in flat blues in dark contours, the sky graded by wiping the block."""
    yy, xx = grid()
    line = "#16264f"
    print_ = ramp(yy / 400, "#5f7f93", "#d9cfae", "#efe3c2", "#f0dcb4")
    lay(print_, area([(266, 372), (352, 292), (372, 284), (392, 294), (480, 372)]), "#3d5f86")
    lay(
        print_,
        area(
            [
                (331, 311),
                (352, 292),
                (372, 284),
                (392, 294),
                (414, 312),
                (398, 308),
                (386, 326),
                (374, 310),
                (362, 330),
                (350, 310),
            ]
        ),
        "#f6f0dd",
    )
    lay(print_, disc(438, 108, 34), "#d9563a")
    sea = yy > 366 + 5 * np.sin(xx / 23)
    lay(print_, sea.astype(np.float32), "#5b8fb0")
    for x, y in ((436, 420), (292, 398)):
        _skiff(print_, x, y, line)
    # Two curves from the tip of the wave: its hollow and its back. What lies between them is striped along both.
    hollow = curve(
        [(330, 196), (288, 186), (246, 214), (226, 268), (236, 330), (280, 392), (360, 440), (520, 470)], 120
    )
    back = curve([(330, 196), (318, 142), (262, 96), (188, 84), (112, 118), (58, 190), (22, 300), (-40, 560)], 120)
    body = np.concatenate([hollow, [(520, 560), (-40, 560)], back[::-1]])
    lay(print_, area(body), "#1f4f8c")
    for k, s in enumerate(np.linspace(0.1, 0.9, 7)):
        mid = (1 - s) * hollow[6:] + s * back[6:]
        lay(print_, area(taper(mid, 3, 30)), ("#8fc0d2", "#e9e6d2", "#4f86b3")[k % 3])
        lay(print_, trace(taper(mid, 3, 30), 2), line)
    lay(print_, trace(hollow, 4), line)
    swell = curve([(-20, 470), (60, 430), (150, 456), (240, 494), (330, 484), (420, 446), (540, 486)], 120)
    lay(print_, area(np.concatenate([swell, [(540, 560), (-20, 560)]])), "#173a70")
    for k in range(1, 4):
        lay(print_, area(taper(swell + np.array([0, 17.0 * k]), 6, 3)), ("#8fc0d2", "#4f86b3")[k % 2])
    _foam(print_, np.concatenate([back[:74], hollow[:22]]), 15, line, rng, (0.0, 4.0))
    _claws(print_, back[4:64:6], line, rng)
    _foam(print_, swell, 8, line, rng, (0.0, -4.0))
    lay(print_, trace(swell + np.array([0, 7.0]), 2), line)
    for _ in range(70):
        x, y, r = rng.uniform(210, 420), 0.0, rng.uniform(1.8, 4.6)
        y = 160 + 0.35 * (x - 210) + rng.normal(0, 46)
        lay(print_, disc(x, y, r + 1.3), line, 0.75)
        lay(print_, disc(x, y, r), "#f6f0dd")
    lay(print_, trace([(14, 14), (498, 14), (498, 498), (14, 498)], 3, closed=True), line, 0.9)
    grain = bristles(np.full((SIZE, SIZE), 0.03, np.float32), 60, rng, 1.6)
    return print_ + 0.012 * grain[..., None] + 0.012 * paper((SIZE, SIZE), rng, 2.0)[..., None]


def _foam(print_: Array, path: Array, size: float, line: str, rng: Rng, shift: tuple[float, float]) -> None:
    """Foam along a crest: all dark balls first, then the white ones a little smaller, so that one contour is left."""
    spots = (
        path[:: max(1, len(path) // 46)]
        + shift
        + rng.normal(0, 0.35 * size, (len(path[:: max(1, len(path) // 46)]), 2))
    )
    radii = size * rng.uniform(0.55, 1.1, len(spots))
    for grow, code in ((2.6, line), (0.0, "#f6f0dd")):
        lay(print_, area(*[oval(x, y, r + grow) for (x, y), r in zip(spots, radii, strict=True)]), code)
    for (x, y), r in zip(spots[::2], radii[::2], strict=True):
        arc = oval(x + 0.2 * r, y + 0.2 * r, 0.55 * r)[2:26]
        lay(print_, trace(arc, 2), "#7fb0c8")


def _claws(print_: Array, roots: Array, line: str, rng: Rng) -> None:
    """Fingers of foam that hook forward and down."""
    for x, y in roots:
        size = rng.uniform(0.8, 1.25)
        hook = curve(
            [(x, y), (x + 26 * size, y + 3), (x + 42 * size, y + 20 * size), (x + 38 * size, y + 38 * size)], 30
        )
        for grow, code in ((5.0, line), (0.0, "#f6f0dd")):
            lay(print_, area(taper(hook, 17 * size + grow, 3 + grow)), code)


def _skiff(print_: Array, x: float, y: float, line: str) -> None:
    """A long open boat with rowers bent over."""
    hull = curve([(x - 66, y - 16), (x - 30, y + 6), (x + 30, y + 8), (x + 74, y - 22)], 40)
    for px in range(-30, 40, 17):
        lay(print_, disc(x + px, y - 6, 8, 9), "#28406e")
        lay(print_, disc(x + px + 5, y - 15, 4.5), "#e8c9a0")
    outline = np.concatenate([hull, [(x + 60, y - 8), (x, y - 2), (x - 44, y - 6)]])
    lay(print_, area(outline), "#d8ab62")
    lay(print_, trace(outline, 2, closed=True), line)


def owl(rng: Rng) -> Array:
    """An owl before the moon, cut into lino: black, one yellow block, and the gouge marks left standing."""
    moon, cuts = (262, 206), []
    white = np.zeros((SIZE, SIZE), np.float32)
    # Short gouge marks run around the moon and fade outwards.
    for radius in np.arange(196, 420, 15):
        turns = np.arange(0, 2 * np.pi, 34 / radius) + rng.uniform(0, 1)
        for t in turns[rng.random(len(turns)) < np.clip(1.25 - (radius - 190) / 230, 0.12, 1)]:
            long = rng.uniform(16, 30)
            cuts.append(
                leaf(moon[0] + radius * np.cos(t), moon[1] + radius * np.sin(t), long, rng.uniform(4, 6.5), t + 1.57)
            )
    white = np.maximum(white, area(*cuts))
    disc_ = disc(*moon, 178)
    white = np.maximum(white, disc_)
    for x, y, r in ((150, 150, 26), (360, 110, 20), (352, 300, 30), (180, 290, 16)):
        white *= 1 - np.maximum(
            area(*[leaf(x - r, y + k * 8, 2 * r * np.sqrt(1 - (k / 3) ** 2), 4, 0.1) for k in range(-2, 3)]), 0
        )
    branch = area(
        taper(curve([(-10, 452), (120, 424), (260, 436), (400, 414), (530, 440)]), 40, 26),
        taper(curve([(380, 420), (440, 372), (478, 318), (486, 270)]), 18, 5),
        taper(curve([(90, 430), (52, 380), (34, 320)]), 15, 5),
    )
    twigs = (
        (484, 300, -0.3), (486, 274, -1.4), (462, 344, -2.6), (440, 372, 0.4),
        (36, 340, -2.4), (34, 322, -1.3), (50, 376, -0.4), (60, 392, 2.9),
    )  # fmt: skip
    leaves = [leaf(x, y, 54, 25, t) for x, y, t in twigs]
    body = area(
        curve(
            [
                (262, 92),
                (322, 76),
                (346, 130),
                (346, 196),
                (366, 270),
                (344, 372),
                (300, 430),
                (262, 444),
                (224, 430),
                (180, 372),
                (158, 270),
                (178, 196),
                (178, 130),
                (202, 76),
                (262, 92),
            ],
            160,
        )
    )
    tail = area([(226, 420), (298, 420), (286, 506), (262, 512), (238, 506)])
    black = np.maximum.reduce([body, tail, branch, area(*leaves)])
    # Where the figure leaves the moon a cut along its outline keeps black from black.
    halo = blur(cv2.dilate(black, np.ones((15, 15), np.uint8)), 1.5) * np.clip(
        1.2 + 0.5 * smooth_noise((SIZE, SIZE), 7, rng), 0, 1
    )
    white = np.maximum(white * (1 - black), (halo > 0.5) * (1 - black))
    marks = [
        leaf(x + 2, 440 - 0.04 * x + rng.uniform(-10, 10), rng.uniform(24, 50), 4.5, rng.normal(-0.05, 0.08))
        for x in range(0, SIZE, 22)
    ]
    for x, y, t in twigs:
        marks.append(leaf(x + 8 * np.cos(t), y + 8 * np.sin(t), 38, 3.5, t))
        for side in (-0.6, 0.6):
            marks += [leaf(x + d * np.cos(t), y + d * np.sin(t), 11, 3, t + side) for d in (16, 27)]
    # Feathers: rows of arcs on the breast, long cuts on the wings and the tail.
    for row, y in enumerate(range(232, 424, 23)):
        wide = 74 * np.sqrt(max(0.05, 1 - ((y - 290) / 150) ** 2))
        for x in np.arange(262 - wide + (row % 2) * 14, 262 + wide + 1, 28):
            marks.append(taper(oval(x, y, 11, 13)[2:31], 2, 6))
    for side in (-1, 1):
        for k in range(5):
            x = 262 + side * (82 + 3.5 * k)
            marks += [leaf(x - side * 4 * j, 262 + 30 * j + 9 * k, 26, 5.5, np.pi / 2 + side * 0.16) for j in range(4)]
        marks += [leaf(262 + side * 15 * k, 452, 46, 5, 1.57 - side * 0.06 * k) for k in (0.35, 1.0, 1.7)]
        marks += [
            leaf(262 + side * (24 + 7 * k), 116 - 3 * k, 24, 5, -1.57 + side * (0.35 + 0.1 * k)) for k in range(4)
        ]
        for t in np.linspace(0, 2 * np.pi, 22, endpoint=False):
            marks.append(leaf(262 + side * 40 + 35 * np.cos(t), 172 + 35 * np.sin(t), 17, 5, t))
        marks += [taper([(262 + side * (24 + 9 * k), 430), (262 + side * (24 + 9 * k), 450)], 6, 3) for k in (-1, 0, 1)]
    beak = area([(252, 188), (272, 188), (262, 222)])
    eyes = np.maximum(disc(222, 172, 29), disc(302, 172, 29))
    white = np.maximum(white, np.maximum(area(*marks) * black, np.maximum(eyes, beak)))
    white *= 1 - np.maximum(disc(224, 174, 15), disc(300, 174, 15))
    white = np.maximum(white, np.maximum(disc(229, 168, 4.5), disc(305, 168, 4.5)))
    white *= area([(16, 16), (496, 16), (496, 496), (16, 496)])
    # The yellow block is printed first and never quite meets the black one.
    yellow = np.roll(np.maximum.reduce([disc(*moon, 179), eyes, beak]), (3, 4), (0, 1))
    sheet = np.ones((SIZE, SIZE, 3), np.float32) * rgb("#f3ead6")
    lay(sheet, yellow * np.clip(0.93 + 0.1 * paper((SIZE, SIZE), rng, 2), 0, 1), "#f0a92c")
    frame = area([(14, 14), (498, 14), (497, 497), (15, 498)])
    salt = np.clip(1.35 + 0.32 * paper((SIZE, SIZE), rng, 1.6) + 0.15 * cloudy(rng, 90), 0, 1)
    ink = blur(warp(frame * (1 - white), 1.1, 9, rng), 0.6) * salt
    lay(sheet, ink, "#17171c")
    return sheet

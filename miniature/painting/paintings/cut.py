"""Cut paper and linocut."""

from __future__ import annotations

import cv2
import numpy as np

from miniature.painting.filters import blur, paper, smooth_noise, warp
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    below,
    cloudy,
    curve,
    disc,
    lay,
    leaf,
    oval,
    polygon,
    rgb,
    ridge,
    sky,
    taper,
)


def harbour(rng: Rng) -> Array:
    """Boats and houses cut from coloured paper."""
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


def owl(rng: Rng) -> Array:
    """A linocut of an owl in front of the moon: a black and a yellow block, with visible gouge marks."""
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
    # Outside the moon, a cut along the outline separates the black figure from the black background.
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
    # The yellow block is printed first and is slightly misregistered.
    yellow = np.roll(np.maximum.reduce([disc(*moon, 179), eyes, beak]), (3, 4), (0, 1))
    sheet = np.ones((SIZE, SIZE, 3), np.float32) * rgb("#f3ead6")
    lay(sheet, yellow * np.clip(0.93 + 0.1 * paper((SIZE, SIZE), rng, 2), 0, 1), "#f0a92c")
    frame = area([(14, 14), (498, 14), (497, 497), (15, 498)])
    salt = np.clip(1.35 + 0.32 * paper((SIZE, SIZE), rng, 1.6) + 0.15 * cloudy(rng, 90), 0, 1)
    ink = blur(warp(frame * (1 - white), 1.1, 9, rng), 0.6) * salt
    lay(sheet, ink, "#17171c")
    return sheet

"""Stained glass and mosaic."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from miniature.painting.filters import blur, paper, relief, smooth_noise
from miniature.painting.shapes import (
    SIZE,
    Array,
    Rng,
    area,
    cloudy,
    curve,
    disc,
    grid,
    lay,
    leaf,
    ramp,
    rgb,
    taper,
    trace,
)


def window(rng: Rng) -> Array:
    """A stained glass window of a fruit tree in front of the sun, with round black lead."""
    yy, xx = grid()
    label, palette = np.zeros((SIZE, SIZE), int), {}

    def glass(mask: Array, kind: Array | int, *codes: str) -> None:
        """Cover a mask with panes; ``kind`` numbers them, and each takes one of the colours."""
        first = 1000 * (len(palette) + 1)
        palette[first // 1000] = codes
        label[mask] = first + (np.broadcast_to(kind, label.shape)[mask] % 997)

    turn = np.arctan2(yy - 190, xx - 256)
    away = np.hypot(yy - 190, xx - 256)
    ray, belt = (
        np.floor((turn + np.pi) / (2 * np.pi) * 26 + 0.5 * (away // 74 % 2)).astype(int) % 26,
        (away // 74).astype(int),
    )
    everywhere = np.ones((SIZE, SIZE), bool)
    glass(everywhere, ray + 29 * belt, "#1d4fb0", "#2f7fd6", "#173a8f", "#5aaee6", "#3f6fd0", "#8ecdf0")
    glass(away < 150, ray // 2 + 41, "#ffd75e", "#ffb52e", "#ffe58f", "#f79a2a")
    glass(away < 112, ray + 71, "#ffe88a", "#ffd24a", "#fff0b0")
    for base, tall, codes in (
        (330, 26, ("#7a4fb0", "#9a6cc8", "#5f3a96")),
        (368, 18, ("#1f8a6a", "#2fa877", "#157058")),
        (404, 14, ("#6ab04a", "#8cc63f", "#4a9440")),
    ):
        top = base + tall * np.sin(xx / 74 + base)
        glass(yy > top, (xx + 0.35 * yy + 14 * np.sin(yy / 30)).astype(int) // 62, *codes)
    river = np.abs(xx - 300 - 60 * np.sin(yy / 46)) < 16 + 0.4 * (yy - 390)
    glass(river & (yy > 392), (yy // 26).astype(int), "#52b7e0", "#8fd6ee", "#2f8fd0")
    trunk = area(
        taper(curve([(256, 452), (248, 390), (262, 330), (254, 250)]), 46, 22),
        taper(curve([(256, 330), (206, 280), (172, 240)]), 20, 12),
        taper(curve([(258, 318), (310, 270), (344, 226)]), 20, 12),
        taper(curve([(256, 452), (216, 470), (170, 474)]), 24, 8),
        taper(curve([(256, 452), (296, 470), (344, 472)]), 24, 8),
    )  # fmt: skip
    glass(trunk > 0.5, (yy // 44).astype(int), "#7a3f24", "#9a5a30", "#5f2f22")
    crown = np.hypot((xx - 256) / 158, (yy - 176) / 104) + 0.06 * np.sin(9 * np.arctan2(yy - 176, xx - 256)) < 1
    points = np.stack([rng.uniform(90, 420, 60), rng.uniform(66, 290, 60)], 1)
    for _ in range(4):  # Lloyd relaxation, so that the panes have similar sizes
        owner = cKDTree(points).query(np.stack([xx[crown], yy[crown]], 1))[1]
        for i in np.unique(owner):
            points[i] = np.array([xx[crown][owner == i].mean(), yy[crown][owner == i].mean()])
    nearest = cKDTree(points).query(np.stack([xx.ravel(), yy.ravel()], 1))[1].reshape(SIZE, SIZE)
    glass(crown & (trunk < 0.5), nearest, "#2f9a4a", "#1a7a3c", "#58b848", "#9ccc3c", "#147050", "#c4dc5a")
    for k, (x, y) in enumerate(
        ((150, 170), (206, 118), (262, 158), (322, 112), (372, 178), (304, 216), (206, 218), (256, 92), (340, 254))
    ):
        glass(disc(x, y, 19) > 0.5, k, "#d8202c", "#f0402f", "#e2283f")
    edge = np.minimum.reduce([xx, yy, SIZE - 1 - xx, SIZE - 1 - yy])
    along = np.where(np.minimum(xx, SIZE - 1 - xx) < np.minimum(yy, SIZE - 1 - yy), yy, xx)
    glass(edge < 34, (along // 51.2).astype(int), "#b81f3a", "#e8a62a", "#1f3f9a", "#e8a62a")
    lead = np.zeros((SIZE, SIZE), np.uint8)
    lead[:, 1:] |= (label[:, 1:] != label[:, :-1]).astype(np.uint8)
    lead[1:] |= (label[1:] != label[:-1]).astype(np.uint8)
    lead = cv2.dilate(lead, np.ones((3, 3), np.uint8))
    away_from_lead = cv2.distanceTransform(1 - lead, cv2.DIST_L2, 5)
    pane = np.zeros((SIZE, SIZE, 3), np.float32)
    for number in np.unique(label):
        codes = palette[number // 1000]
        tint = rgb(codes[int(rng.integers(len(codes)))]) * rng.uniform(0.82, 1.1)
        pane[label == number] = tint + rng.normal(0, 0.02, 3)
    light = 0.78 + 0.32 * np.clip(away_from_lead / 16, 0, 1) + 0.10 * cloudy(rng, 60) + 0.05 * cloudy(rng, 14, 3.0)
    light += 0.22 * np.exp(-((away / 200) ** 2))
    out = np.clip(pane * light[..., None], 0, 1) + 0.10 * np.clip(cloudy(rng, 26) - 1.3, 0, 1)[..., None]
    cover = np.clip(3.2 - away_from_lead, 0, 1)
    lay(out, cover, "#14141a")
    return relief(out, blur(np.clip(3.2 - away_from_lead, 0, 4), 1.3) * 0.6, 0.16)


def spirals(rng: Rng) -> Array:
    """A tree with spiral branches on gold tesserae, with ornaments on its trunk and in the meadow."""
    yy, xx = grid()
    # Slightly distorted squares of 14 pixels, some of them split into two or four.
    u, v = xx + 1.6 * smooth_noise((SIZE, SIZE), 40, rng), yy + 1.6 * smooth_noise((SIZE, SIZE), 40, rng)
    split = rng.integers(0, 4, (40, 40))[(v // 14).astype(int), (u // 14).astype(int)]
    wide, tall = np.where(split % 2 == 1, 7, 14), np.where(split == 3, 7, 14)
    tone = rng.normal(0.52, 0.2, (90, 90))[(v // tall).astype(int), (u // wide).astype(int)] + 0.12 * cloudy(rng, 160)
    gold = ramp(np.clip(tone, 0, 1), "#7a5418", "#b9862a", "#dcb24a", "#f6de90")
    seam = np.minimum(u % wide, v % tall)
    gold *= np.clip(0.74 + 0.2 * seam, 0, 1)[..., None]
    for _ in range(46):
        x, y, r = rng.uniform(0, SIZE), rng.uniform(0, 420), rng.uniform(7, 12)
        t = np.linspace(0, 4.4 * np.pi, 60)
        lay(gold, trace(np.stack([x + r * t / 14 * np.cos(t), y + r * t / 14 * np.sin(t)], 1), 2.4), "#6b4614", 0.75)
    bump = blur((seam > 1).astype(np.float32), 0.8)
    ground = yy > 424 + 10 * np.sin(xx / 60)
    meadow = ramp(np.clip(0.5 + 0.25 * cloudy(rng, 30), 0, 1), "#1d4a3a", "#2f7a4a", "#7aa84a")
    lay(gold, ground.astype(np.float32), meadow)
    bump[ground] = 0
    for y in np.sort(rng.uniform(432, 512, 120)):
        _blossom(gold, rng.uniform(0, SIZE), float(y), rng.uniform(4, 11), rng)
    trunk = [taper(curve([(250, 470), (262, 400), (244, 320), (258, 250)]), 84, 40)]
    trunk += [
        taper(curve([(252, 462), (200, 478), (150, 480)]), 34, 8),
        taper(curve([(252, 462), (306, 480), (360, 480)]), 34, 8),
    ]
    for x0, y0, x1, y1, radius, side, turns, width in (
        (252, 300, 120, 208, 66, -1, 2.4, 22), (258, 296, 398, 196, 70, 1, 2.4, 22),
        (254, 262, 196, 96, 50, -1, 2.2, 18),
        (258, 260, 316, 92, 54, 1, 2.2, 18), (250, 330, 84, 350, 46, -1, 2.0, 16), (256, 326, 438, 344, 48, 1, 2.0, 16),
        (140, 262, 52, 112, 34, -1, 1.8, 11), (370, 256, 462, 92, 34, 1, 1.8, 11), (256, 256, 256, 44, 26, 1, 1.6, 11),
    ):  # fmt: skip
        trunk.append(_scroll((x0, y0), (x1, y1), radius, side, turns, width))
    wood = area(*trunk)
    lay(gold, np.clip(blur(np.roll(wood, (5, 5), (0, 1)), 3) - wood, 0, 1), "#4a2f10", 0.6)
    lay(gold, cv2.dilate(wood, np.ones((5, 5), np.uint8)), "#3a2410")
    lay(gold, wood, ramp(np.clip(0.5 + 0.3 * cloudy(rng, 26), 0, 1), "#6b4218", "#9c6a26", "#c8923c"))
    bump = np.maximum(bump * (1 - wood), 1.6 * blur(wood, 2))
    # Ornaments: framed rectangles on the trunk, eyes and triangles between the branches.
    for y in range(256, 462, 17):
        for x in range(214, 300, 15):
            if wood[y - 7 : y + 8, x - 6 : x + 7].min() > 0.9 and rng.random() < 0.85:
                w, h = rng.uniform(4, 6), rng.uniform(4, 7)
                lay(
                    gold,
                    area([(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)]),
                    ("#14141a", "#e8e0cc", "#2f6f8a", "#a8302f")[int(rng.integers(4))],
                )
                lay(
                    gold,
                    area(
                        [(x - w / 2, y - h / 2), (x + w / 2, y - h / 2), (x + w / 2, y + h / 2), (x - w / 2, y + h / 2)]
                    ),
                    ("#f2d680", "#14141a")[int(rng.integers(2))],
                )
    for x, y in ((186, 316), (328, 316), (160, 404), (364, 404), (256, 150)):
        lay(gold, area(leaf(x - 16, y, 32, 19, 0)), "#14141a")
        lay(gold, area(leaf(x - 12, y, 24, 12, 0)), "#efe6d0")
        lay(gold, disc(x, y, 5), "#2f6f8a")
        lay(gold, disc(x, y, 2.4), "#14141a")
    for x, y in ((60, 270), (452, 268), (104, 402), (420, 398), (208, 186), (306, 186)):
        for k, code in enumerate(("#14141a", "#efe6d0", "#a8302f")):
            lay(
                gold,
                area([(x, y - 17 + 7 * k), (x + 14 - 4.5 * k, y + 10 - 2.4 * k), (x - 14 + 4.5 * k, y + 10 - 2.4 * k)]),
                code,
            )
    shine = np.clip(cloudy(rng, 120, 1.5), -1, 2)[..., None]
    return relief(gold * (1 + 0.06 * shine), bump + 0.05 * paper((SIZE, SIZE), rng, 2), 0.14)


def _scroll(
    root: tuple[float, float], centre: tuple[float, float], radius: float, side: int, turns: float, width: float
) -> Array:
    """The outline of a branch that leaves the stem and spirals around ``centre``."""
    t = np.linspace(0, 1, 90)
    start = np.pi / 2 - side * 0.5
    spin = start - side * 2 * np.pi * turns * t
    roll = radius * (1 - 0.92 * t)
    coil = np.stack([centre[0] + roll * np.cos(spin), centre[1] + roll * np.sin(spin)], 1)
    ahead = coil[0] - 0.6 * radius * np.array([side * np.sin(spin[0]), -side * np.cos(spin[0])])
    arm = curve([root, tuple(0.5 * (np.array(root) + ahead) + (0, 8)), tuple(coil[0])], 40)
    return taper(np.concatenate([arm[:-1], coil]), width, 3.5)


def _blossom(scene: Array, x: float, y: float, r: float, rng: Rng) -> None:
    for size, code in (
        (1.0, ("#e8e0cc", "#d8483f", "#e8a62a", "#7a5fb0", "#f2b8c4")[int(rng.integers(5))]),
        (0.62, "#f2d680"),
        (0.3, "#7a2f24"),
    ):
        lay(scene, disc(x, y, r * size, 0.85 * r * size), code)

"""Painted stroke by stroke: oil, knife, points, bold patches, chalk."""

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
    glow,
    grid,
    lay,
    leaf,
    polygon,
    ramp,
    rgb,
    ridge,
    sky,
    taper,
)
from miniature.fields import blur, bristles, paper, pick, polygons, relief, scatter, smooth_noise, streaks
from miniature.strokes import fresh_canvas, strokes


def night(rng: Rng) -> Array:
    """A turning night sky over a village, in long thick strokes."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = sky("#0b1540", "#1c3f8f", "#3f7fc4", "#8fc1d8", "#e8d9a0")
    angle = 0.25 * smooth_noise((SIZE, SIZE), 140, rng)
    lights = [
        (396, 92, 30, "#fff1b0"),
        (96, 70, 14, "#fdf3c9"),
        (206, 132, 11, "#ffe9a0"),
        (292, 54, 10, "#fff6d8"),
        (462, 212, 10, "#ffe9a0"),
        (48, 190, 9, "#fff6d8"),
    ]
    for x, y, r, code in lights:
        glow = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (2.2 * r) ** 2))[..., None]
        scene += glow * (rgb(code) - scene)
    wave = 190 + 26 * np.sin(xx / 70) + 10 * np.sin(xx / 31 + 1)
    band = np.exp(-((yy - wave) ** 2) / 700)[..., None]
    scene += 0.7 * band * (rgb("#bfe0ea") - scene)
    dx, dy = np.cos(angle), np.sin(angle) + 0.5 * np.cos(xx / 70)
    for x, y, r in [light[:3] for light in lights] + [(236, 196, 34), (330, 226, 24)]:
        near = 3.2 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (3.0 * r) ** 2))
        dist = np.hypot(xx - x, yy - y) + 1
        dx, dy = dx - near * (yy - y) / dist, dy + near * (xx - x) / dist
    angle = np.arctan2(dy, dx)
    for base, height, code in ((330, 26, "#28477e"), (372, 22, "#1d3563"), (420, 12, "#16324a")):
        line = ridge(rng, base, height, 120)
        ground = np.arange(SIZE)[:, None] > line[None]
        scene[ground] = rgb(code) * (1 + 0.25 * smooth_noise((SIZE, SIZE), 30, rng)[ground][:, None])
        angle[ground] = np.broadcast_to(np.arctan(np.gradient(line)), (SIZE, SIZE))[ground]
    for x in range(150, 500, 34):
        w, h, y = rng.uniform(18, 30), rng.uniform(14, 26), 436 + rng.uniform(-8, 14)
        polygon(scene, [(x, y), (x + w, y), (x + w, y - h), (x + w / 2, y - h - 14), (x, y - h)], "#2d3a5e")
        polygon(scene, [(x - 2, y - h), (x + w / 2, y - h - 16), (x + w + 2, y - h)], "#6b3d3a")
        cv2.rectangle(
            scene,
            (int(x + w / 2 - 3), int(y - h / 2 - 4)),
            (int(x + w / 2 + 3), int(y - h / 2 + 4)),
            rgb("#ffd75e").tolist(),
            -1,
        )
    tree = np.abs(xx - 74 - 9 * np.sin(yy / 28)) < np.clip((yy - 150) * 0.15, 0, 44) * (0.8 + 0.2 * np.sin(yy / 9))
    scene[tree], angle[tree] = rgb("#10231f"), (np.pi / 2 + 0.35 * np.sin(yy / 22))[tree]
    canvas = fresh_canvas(scene, None)
    for width, length, skip in ((13, 42, 0.0), (9, 34, 0.2), (6, 24, 0.45)):
        strokes(
            canvas, scene, angle, rng, width=width, length=length, spacing=width * 0.95, jitter=0.05, skip=skip, bend=2
        )
    height = blur(canvas[..., 3], 1.0) + 0.2 * bristles(angle, 20, rng, 1.4)
    return relief(streaks(canvas[..., :3], angle, 4), height, 0.14)


def garden(rng: Rng) -> Array:
    """A path through flower beds under trees, in points of pure colour and their complements."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = sky("#9fd0ee", "#cfe7ef", "#f7eec4", "#a9cf6a", "#5fa34a", "#3f8a44")
    path = np.abs(xx - 250 - 60 * np.sin(yy / 95)) < np.clip((yy - 230) * 0.32, 0, 120)
    scene[path & (yy > 230)] = rgb("#f0cfa0")
    scene[(np.abs(xx - 262 - 60 * np.sin(yy / 95)) > np.clip((yy - 230) * 0.30, 0, 120)) & path & (yy > 230)] = rgb(
        "#b58bc4"
    )
    for _ in range(46):
        y = rng.uniform(250, 505)
        x = rng.uniform(0, SIZE)
        if abs(x - 250 - 60 * np.sin(y / 95)) < (y - 230) * 0.32 + 14:
            continue
        code = ("#e23b5a", "#f7c531", "#f2f2f2", "#8d4fc4", "#f2803a", "#f58fb4")[int(rng.integers(6))]
        cv2.ellipse(
            scene,
            (int(x), int(y)),
            (int(8 + (y - 240) * 0.13), int(5 + (y - 240) * 0.07)),
            0,
            0,
            360,
            rgb(code).tolist(),
            -1,
        )
    for x, y, r in ((70, 150, 96), (160, 190, 60), (440, 140, 110), (350, 205, 52)):
        cv2.line(scene, (x, y), (x - 4, y + int(1.35 * r)), rgb("#5b3f5e").tolist(), max(6, r // 8))
        for _ in range(16):
            dx, dy = rng.normal(0, 0.42 * r, 2)
            code = ("#2f7d4a", "#4fa352", "#8fc24f", "#2a5f7a")[int(rng.integers(4))]
            cv2.circle(scene, (int(x + dx), int(y + 0.8 * dy)), int(0.36 * r), rgb(code).tolist(), -1)
    cv2.circle(scene, (258, 70), 30, rgb("#fff2a6").tolist(), -1)
    canvas = np.ascontiguousarray(scene * 0.5 + 0.5 * rgb("#f1e6cd"), dtype=np.float32)
    for radius in (6.5, 5.0, 4.0):
        points = scatter((SIZE, SIZE), radius * 1.75, rng, 0.5)
        xy = np.clip(points.astype(int), 0, SIZE - 1)
        colour = blur(scene, 1.5)[xy[:, 1], xy[:, 0]]
        other = rng.random(len(points)) < 0.13
        colour[other] = 1 - colour[other] * 0.75
        colour = np.clip(colour + rng.normal(0, 0.09, colour.shape), 0, 1)
        for (x, y), c in zip(np.round(points * 8).astype(int).tolist(), colour.tolist(), strict=True):
            cv2.circle(canvas, (x, y), int(8 * radius * 0.82), c, -1, cv2.LINE_8, 3)
    return blur(canvas, 0.7)


def still_life(rng: Rng) -> Array:
    """Fruit and a jug in slabs of a dry, broad brush."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = sky("#5b2a3c", "#7a3140", "#93404a")
    table = yy > 330 + 0.06 * xx
    scene[table] = rgb("#d8a657")
    scene[table & (yy > 440)] = rgb("#b97a3c")
    angle = 0.5 + 0.5 * smooth_noise((SIZE, SIZE), 160, rng)
    angle[table] = 0.05

    def ball(x: float, y: float, rx: float, ry: float, dark: str, light: str) -> None:
        u, v = (xx - x) / rx, (yy - y) / ry
        inside = u * u + v * v < 1
        shade = np.clip(0.55 - 0.45 * u - 0.5 * v, 0, 1)[..., None]
        scene[inside] = (rgb(dark) + shade * (rgb(light) - rgb(dark)))[inside]
        angle[inside] = (np.arctan2(v, u) + np.pi / 2)[inside]
        cast = (
            (((xx - x - 0.5 * rx) / (1.3 * rx)) ** 2 + ((yy - y - 0.85 * ry) / (0.3 * ry)) ** 2 < 1) & ~inside & table
        )
        scene[cast] = rgb("#6b3a2c")

    ball(170, 290, 74, 110, "#123f52", "#5fb3b8")
    polygon(scene, [(140, 190), (200, 190), (212, 130), (130, 130)], "#2f7f8c")
    cv2.ellipse(scene, (252, 270), (34, 52), 0, -80, 80, rgb("#2f7f8c").tolist(), 12)
    for x, y, r, dark, light in (
        (300, 372, 52, "#8f1f1f", "#f2603a"),
        (392, 380, 46, "#a65a10", "#ffd04f"),
        (350, 318, 44, "#5a7a1c", "#c9dd5c"),
        (450, 410, 40, "#7a1836", "#e2506a"),
    ):
        ball(x, y, r, r, dark, light)
    canvas = fresh_canvas(scene, None)
    for width, length in ((30, 80), (18, 46), (11, 26)):
        strokes(
            canvas, scene, angle, rng, width=width, length=length, spacing=width * 0.9, jitter=0.045, skip=0.15, bend=1
        )
    hair = bristles(angle, 40, rng, 1.8)
    out = canvas[..., :3] * (1 - 0.10 * np.clip(-hair, 0, 2))[..., None] + 0.05 * np.clip(hair, 0, 2)[..., None]
    return relief(out, blur(canvas[..., 3], 1.2) + 0.15 * hair, 0.1)


def sunset(rng: Rng) -> Array:
    """The sun going down over the sea, laid on with a wide knife."""
    yy, xx = grid()
    horizon, sun = 268, (318, 236)
    scene = sky("#1d2a5c", "#51407e", "#b4537c", "#f0794f", "#ffc25e", "#ffdf8a")
    scene[:horizon] = cv2.resize(scene, (SIZE, horizon))
    lay(scene, 0.8 * glow(*sun, 90) * (yy < horizon), "#ffe49a")
    bank = np.clip(cloudy(rng, 120, 3.0) - 0.25, 0, 1) * np.exp(-(((yy - 120) / 95) ** 2))
    lay(scene, np.clip(1.7 * bank, 0, 1), ramp(yy / horizon, "#27264f", "#7a3d6e", "#e8604c"))
    lay(scene, disc(*sun, 40), "#fff3c4")
    sea = yy >= horizon
    depth = np.clip((yy - horizon) / (SIZE - horizon), 0, 1)
    scene[sea] = ramp(depth, "#e08a63", "#8d567f", "#2f4a80", "#123058", "#0b1f42")[sea]
    swell = cv2.resize(smooth_noise((SIZE, 90), 12, rng), (SIZE, SIZE))
    lay(scene, sea * np.clip(swell - 0.3, 0, 1) * (1 - depth), "#3fa0a8", 0.8)
    lane = np.exp(-(((xx - sun[0]) / (26 + 70 * depth)) ** 2)) * np.clip(1.1 + 0.6 * swell - 0.9 * depth, 0, 1)
    lay(scene, sea * lane, "#ffd071")
    rock = area(curve([(-9, 520), (-9, 318), (42, 300), (84, 330), (118, 338), (150, 386), (196, 404), (214, 520)], 60))
    lay(
        scene,
        rock,
        ramp(
            np.clip(0.5 + (xx - 90) / 170 + 0.2 * smooth_noise((SIZE, SIZE), 22, rng), 0, 1),
            "#141531",
            "#3a2748",
            "#a2524f",
        ),
    )
    angle = 0.25 * smooth_noise((SIZE, SIZE), 110, rng) + np.where(rock > 0.5, 0.75, 0)
    angle[sea & (rock < 0.5)] *= 0.25
    canvas = fresh_canvas(scene, None)
    for width, long in ((30, 3.0), (22, 2.6), (14, 2.4)):
        _slabs(canvas, scene, angle, rng, width, long)
    _ball(canvas, sun, 38, rng)
    drag = bristles(angle, 60, rng, 2.2)
    return relief(canvas[..., :3] + 0.018 * drag[..., None], blur(canvas[..., 3], 1.0) + 0.07 * drag, 0.17)


def _slabs(canvas: Array, source: Array, angle: Array, rng: Rng, width: float, long: float) -> None:
    """One layer of knife strokes; paint is pushed up into a ridge along one edge of each."""
    points = scatter((SIZE, SIZE), width * 0.85, rng)
    xy, n = points.astype(int), len(points)
    theta = pick(angle, xy) + rng.normal(0, 0.07, n)
    tint = np.clip(
        pick(blur(source, 0.28 * width), xy) + rng.normal(0, 0.035, (n, 1)) + rng.normal(0, 0.02, (n, 3)), 0, 1
    )
    u = np.stack([np.cos(theta), np.sin(theta)], 1) * (0.5 * width * long * rng.uniform(0.6, 1.2, n))[:, None]
    v = np.stack([-np.sin(theta), np.cos(theta)], 1) * (0.5 * width * rng.uniform(0.6, 1.0, n))[:, None]
    body = np.stack([points - u - v, points + 0.9 * u - v, points + u + 0.6 * v, points - 0.9 * u + v], 1)
    lip = np.stack([points - 0.9 * u + 0.75 * v, points + u + 0.4 * v, points + u + 0.6 * v, points - 0.9 * u + v], 1)
    height = rng.uniform(0, 0.7, (n, 1))
    polygons(canvas, np.stack([body, lip], 1).reshape(-1, 4, 2), np.stack(
        [np.concatenate([tint, height], 1), np.concatenate([np.clip(tint * 1.06, 0, 1), height + 0.9], 1)], 1
    ).reshape(-1, 4))  # fmt: skip


def _ball(canvas: Array, centre: tuple[float, float], radius: float, rng: Rng) -> None:
    """A disc of paint spread in one turn of the knife."""
    yy, xx = grid()
    turn = np.arctan2(yy - centre[1], xx - centre[0])
    wave = 0.5 * np.sin(3 * turn + 0.25 * np.hypot(xx - centre[0], yy - centre[1])) + 0.2 * rng.random()
    mask = disc(*centre, radius)
    lay(canvas[..., :3], mask, ramp(0.5 + 0.5 * wave, "#ffd978", "#fff4c8"))
    canvas[..., 3] += mask * (1.2 + 0.5 * wave - canvas[..., 3])


def orchard(rng: Rng) -> Array:
    """Trees on a southern hill in colours nothing has: short wide patches with bare canvas between them."""
    yy, xx = grid()
    scene = sky("#2f8fd8", "#63c3dd", "#f7d9a8", "#f9b27a")
    scene[:300] = cv2.resize(scene, (SIZE, 300))
    below(scene, ridge(rng, 196, 22, 130), rgb("#5a55b5"))
    below(scene, ridge(rng, 232, 14, 170), rgb("#e0608c"))
    below(scene, ridge(rng, 268, 10, 150), rgb("#2fa58a"))
    for base, code in ((300, "#f2b632"), (350, "#f08432"), (408, "#e4532f"), (468, "#c73a52")):
        below(scene, ridge(rng, base, 7, 180), rgb(code))
    path = area(
        curve(
            [
                (286, 292),
                (250, 340),
                (284, 390),
                (180, 460),
                (120, 520),
                (300, 520),
                (352, 450),
                (372, 388),
                (300, 340),
                (296, 292),
            ],
            90,
        )
    )
    lay(scene, path, "#f6c3d0")
    for x, y, w, h, wall in ((160, 292, 52, 34, "#fbe3c8"), (206, 296, 38, 26, "#f4a7a0")):
        polygon(scene, [(x, y), (x + w, y), (x + w, y - h), (x, y - h)], wall)
        polygon(scene, [(x - 6, y - h), (x + w / 2, y - h - 22), (x + w + 6, y - h)], "#d8352e")
        polygon(scene, [(x + 12, y), (x + 24, y), (x + 24, y - 20), (x + 12, y - 20)], "#23408f")
    houses = ((yy > 226) & (yy < 298) & (xx > 150) & (xx < 254)).astype(np.float32)
    angle = np.where(yy < 190, 0.15, 0.0) + 0.35 * smooth_noise((SIZE, SIZE), 90, rng)
    angle[yy > 290] += 0.35
    angle[path > 0.5] += 1.2
    trees = ((78, 452, 1.35, 0.06), (420, 420, 1.2, -0.08), (330, 330, 0.62, 0.05), (468, 322, 0.55, 0.0))
    trunks, leaves = [], np.zeros((SIZE, SIZE), np.float32)
    for x, y, s, lean in sorted(trees, key=lambda tree: tree[1]):
        lay(scene, disc(x + 55 * s, y + 4 * s, 80 * s, 13 * s), "#3d3a9c")
        stem = curve(
            [(x, y), (x + 8 * s, y - 60 * s), (x + 90 * lean * s - 6 * s, y - 130 * s), (x + 14 * s, y - 190 * s)]
        )
        trunks.append(taper(stem, 24 * s, 8 * s))
        trunks.append(
            taper(curve([(x + 4 * s, y - 95 * s), (x - 30 * s, y - 140 * s), (x - 52 * s, y - 172 * s)]), 11 * s, 5 * s)
        )
        trunks.append(
            taper(curve([(x + 4 * s, y - 80 * s), (x + 44 * s, y - 128 * s), (x + 62 * s, y - 160 * s)]), 11 * s, 5 * s)
        )
        lay(scene, area(*trunks[-3:]), "#d22f2f")
        for k, code in enumerate(("#14694f", "#23935a", "#7cc142", "#f3dc3e")):
            for _ in range(7):
                dx, dy = rng.normal(-8 * k * s, 38 * s), rng.normal(-9 * k * s, 24 * s)
                crown = disc(x + 6 * s + dx, y - 190 * s + dy, (34 - 5 * k) * s, (25 - 4 * k) * s)
                lay(scene, crown, code)
                leaves = np.maximum(leaves, crown)
                angle[crown > 0.5] = rng.uniform(-0.9, 0.4)
    ground = rgb("#fbf0da") + 0.02 * paper((SIZE, SIZE), rng, 2.5)[..., None]
    canvas = fresh_canvas(scene, ground)
    strokes(canvas, scene, angle, rng, width=19, length=40, spacing=17, jitter=0.05, skip=0.03)
    strokes(canvas, scene, angle, rng, width=12, length=30, spacing=17, jitter=0.07, bend=1)
    strokes(canvas, scene, 1.5 * houses, rng, width=8, length=13, spacing=6, jitter=0.03, detail=houses)
    # The trunks go over the patches in one unbroken pull of red and ultramarine, and leaves over them again.
    for outline in trunks:
        stem, shade = area(outline), area(outline + np.array([5.0, 1.0]))
        lay(canvas[..., :3], shade, "#25307f")
        lay(canvas[..., :3], stem, "#d8352e")
    strokes(canvas, scene, angle, rng, width=13, length=30, spacing=15, jitter=0.08, detail=0.75 * leaves)
    hair = bristles(angle, 16, rng, 1.6)
    return relief(canvas[..., :3] + 0.02 * hair[..., None], blur(canvas[..., 3], 1.0) + 0.12 * hair, 0.07)


def poppies(rng: Rng) -> Array:
    """Poppies against the evening, in soft chalk on night-blue paper that shows through."""
    yy = grid()[0]
    night_paper = rgb("#1c2038")
    scene = sky("#25315e", "#4a4f8a", "#a06a98", "#ee9a86", "#f8cf94")
    scene[:300] = cv2.resize(scene, (SIZE, 300))
    lay(scene, disc(150, 118, 34), "#fdf0cf")
    lay(scene, 0.6 * glow(150, 118, 70), "#f6c9b0")
    below(scene, ridge(rng, 274, 20, 140), rgb("#51518a"))
    below(scene, ridge(rng, 304, 10, 170), rgb("#35507a"))
    field = yy > ridge(rng, 326, 6, 200)[None]
    scene[field] = ramp((yy - 320) / 192, "#5d8f74", "#3f7a5c", "#27543f", "#17362c")[field]
    angle = 0.15 * smooth_noise((SIZE, SIZE), 120, rng)
    angle[field] = 1.5 + 0.25 * smooth_noise((SIZE, SIZE), 60, rng)[field]
    canvas = fresh_canvas(scene, night_paper)
    strokes(canvas, scene, angle, rng, width=9, length=60, spacing=11, jitter=0.035, skip=0.1, bend=1)
    strokes(canvas, scene * 1.08, angle, rng, width=6, length=44, spacing=13, jitter=0.07, bend=1)
    chalk = np.ascontiguousarray(canvas[..., :3])
    for _ in range(90):
        x, y = rng.uniform(0, SIZE), rng.uniform(350, 520)
        lay(
            chalk,
            area(leaf(x, y, rng.uniform(40, 90), 7, -1.57 + rng.normal(0, 0.3))),
            ("#86b46a", "#b9cf7d", "#2c6a5c")[int(rng.integers(3))],
            0.8,
        )
    for y in np.sort(rng.uniform(318, 480, 44)):
        _poppy(chalk, rng.uniform(0, SIZE), float(y), 5 + 0.15 * (float(y) - 318), rng)
    for x, y, r in ((96, 352, 44), (236, 414, 50), (392, 330, 52), (462, 452, 46), (40, 470, 40), (318, 486, 34)):
        stem = curve([(x, y), (x + 8, y + 60), (x - 4, y + 200)])
        lay(chalk, area(taper(stem, 7, 6)), "#9cc07a")
        _poppy(chalk, x, y, r, rng)
    # Chalk catches on the teeth of the paper; the more was rubbed on, the fewer gaps are left.
    tooth = paper((SIZE, SIZE), rng, 1.6) + 0.7 * bristles(angle, 12, rng, 1.2)
    cover = 0.97 / (1 + np.exp(-(tooth + 1.2 + 0.5 * canvas[..., 3]) * 2.0))
    return night_paper + (chalk - night_paper) * cover[..., None]


def _poppy(chalk: Array, x: float, y: float, size: float, rng: Rng) -> None:
    """Four petals rubbed on from dark to light around a black heart."""
    turn = rng.uniform(-0.4, 0.4)
    for dx, dy, rx, ry, code in (
        (-0.42, -0.05, 0.62, 0.55, "#a81c2c"), (0.42, -0.02, 0.62, 0.55, "#c4262e"),
        (0.0, -0.34, 0.72, 0.5, "#d8322f"), (0.0, 0.28, 0.78, 0.5, "#ee4a34"), (0.1, 0.36, 0.5, 0.24, "#ff8a5c"),
    ):  # fmt: skip
        lay(chalk, disc(x + dx * size, y + dy * size, rx * size, ry * size, turn + dx), code, 0.92)
    if size > 14:
        lay(chalk, disc(x, y + 0.02 * size, 0.22 * size, 0.17 * size), "#1d1526")
        for a in rng.uniform(0, 6.28, 12):
            lay(chalk, disc(x + 0.31 * size * np.cos(a), y + 0.22 * size * np.sin(a), 0.035 * size + 0.6), "#f2d9a0")

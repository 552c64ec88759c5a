"""The paintings in `style_images/`, drawn by code alone: `python -m miniature.paint --out style_images`.

Scenes are drawn here from shapes; the hands that paint them are the held-out styles or written for one picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from miniature import prints, washes
from miniature.brushes import strokes
from miniature.fields import blur, bristles, relief, scatter, smooth_noise, streaks

Array = np.ndarray
SIZE = 512


def _rgb(code: str) -> Array:
    """ "#rrggbb" to three floats in [0, 1]."""
    return np.float32([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _sky(*codes: str) -> Array:
    """A vertical gradient through the given colours."""
    stops = np.linspace(0, 1, len(codes))
    table = np.stack([_rgb(c) for c in codes])
    rows = np.stack([np.interp(np.linspace(0, 1, SIZE), stops, table[:, i]) for i in range(3)], -1)
    return np.ascontiguousarray(np.broadcast_to(rows[:, None], (SIZE, SIZE, 3)), dtype=np.float32)


def _ridge(rng: np.random.Generator, base: float, height: float, scale: float) -> Array:
    """The outline of a chain of hills: y for every x."""
    noise = smooth_noise((4, SIZE), scale, rng)[1] + 0.35 * smooth_noise((4, SIZE), scale / 4, rng)[1]
    return base - height * noise


def _below(scene: Array, line: Array, colour: Array) -> None:
    scene[np.arange(SIZE)[:, None] > line[None]] = colour


def _polygon(scene: Array, points: list[tuple[float, float]], code: str) -> None:
    cv2.fillPoly(scene, [np.round(np.array(points) * 8).astype(np.int32)], _rgb(code).tolist(), cv2.LINE_8, 3)


def night(rng: np.random.Generator) -> Array:
    """A turning night sky over a village, in long thick strokes."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = _sky("#0b1540", "#1c3f8f", "#3f7fc4", "#8fc1d8", "#e8d9a0")
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
        scene += glow * (_rgb(code) - scene)
    wave = 190 + 26 * np.sin(xx / 70) + 10 * np.sin(xx / 31 + 1)
    band = np.exp(-((yy - wave) ** 2) / 700)[..., None]
    scene += 0.7 * band * (_rgb("#bfe0ea") - scene)
    dx, dy = np.cos(angle), np.sin(angle) + 0.5 * np.cos(xx / 70)
    for x, y, r in [light[:3] for light in lights] + [(236, 196, 34), (330, 226, 24)]:
        near = 3.2 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * (3.0 * r) ** 2))
        dist = np.hypot(xx - x, yy - y) + 1
        dx, dy = dx - near * (yy - y) / dist, dy + near * (xx - x) / dist
    angle = np.arctan2(dy, dx)
    for base, height, code in ((330, 26, "#28477e"), (372, 22, "#1d3563"), (420, 12, "#16324a")):
        line = _ridge(rng, base, height, 120)
        ground = np.arange(SIZE)[:, None] > line[None]
        scene[ground] = _rgb(code) * (1 + 0.25 * smooth_noise((SIZE, SIZE), 30, rng)[ground][:, None])
        angle[ground] = np.broadcast_to(np.arctan(np.gradient(line)), (SIZE, SIZE))[ground]
    for x in range(150, 500, 34):
        w, h, y = rng.uniform(18, 30), rng.uniform(14, 26), 436 + rng.uniform(-8, 14)
        _polygon(scene, [(x, y), (x + w, y), (x + w, y - h), (x + w / 2, y - h - 14), (x, y - h)], "#2d3a5e")
        _polygon(scene, [(x - 2, y - h), (x + w / 2, y - h - 16), (x + w + 2, y - h)], "#6b3d3a")
        cv2.rectangle(
            scene,
            (int(x + w / 2 - 3), int(y - h / 2 - 4)),
            (int(x + w / 2 + 3), int(y - h / 2 + 4)),
            _rgb("#ffd75e").tolist(),
            -1,
        )
    tree = np.abs(xx - 74 - 9 * np.sin(yy / 28)) < np.clip((yy - 150) * 0.15, 0, 44) * (0.8 + 0.2 * np.sin(yy / 9))
    scene[tree], angle[tree] = _rgb("#10231f"), (np.pi / 2 + 0.35 * np.sin(yy / 22))[tree]
    canvas = np.concatenate([scene, np.zeros((SIZE, SIZE, 1))], -1).astype(np.float32)
    for width, length, skip in ((13, 42, 0.0), (9, 34, 0.2), (6, 24, 0.45)):
        strokes(
            canvas, scene, angle, rng, width=width, length=length, spacing=width * 0.95, jitter=0.05, skip=skip, bend=2
        )
    height = blur(canvas[..., 3], 1.0) + 0.2 * bristles(angle, 20, rng, 1.4)
    return relief(streaks(canvas[..., :3], angle, 4), height, 0.14)


def fjord(rng: np.random.Generator) -> Array:
    """Mountains and a low sun, engraved in dark green on cream with one colour plate."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    tone = np.clip(0.95 - 0.25 * yy / SIZE + 0.0 * xx, 0, 1)
    cover = np.ones((SIZE, SIZE, 3), np.float32) * _rgb("#f2e6c8")
    cv2.circle(cover, (340, 170), 62, _rgb("#d9552f").tolist(), -1)
    tone[np.hypot(xx - 340, yy - 170) < 62] = 0.93
    for base, height, scale, level in ((230, 44, 120, 0.62), (290, 52, 90, 0.42), (338, 22, 160, 0.24)):
        line = _ridge(rng, base, height, scale)
        ground = yy > line[None]
        slope = np.gradient(blur(line[None].astype(np.float32), 2)[0])
        tone[ground] = np.clip(
            level + 0.3 * np.sign(slope)[None] * np.abs(slope)[None] ** 0.5 + 0.1 * smooth_noise((SIZE, SIZE), 14, rng),
            0.05,
            0.9,
        )[ground]
        cover[ground] = _rgb("#f2e6c8") + 0.4 * (1 - level) * (_rgb("#5d8a76") - _rgb("#f2e6c8"))
    water = yy > 372
    tone[water] = (0.72 - 0.5 * (np.sin(yy / 3.2 + 2 * smooth_noise((SIZE, SIZE), 40, rng)) > 0.35))[water]
    cover[water] = _rgb("#a9c8bd")
    glint = water & (np.abs(xx - 340) < 20 + (yy - 372) * 0.28) & (np.sin(yy / 4.5) > 0)
    cover[glint] = _rgb("#e58a5c")
    phase = yy * 1.0 + 7 * smooth_noise((SIZE, SIZE), 70, rng) + 26 * blur(tone, 12.0)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase / 8.5)
    ink = np.clip((wave - blur(tone, 1.0) * 1.15 + 0.12) * 4.5, 0, 1)[..., None]
    for x in (60, 92, 118, 420, 452, 486):
        h = rng.uniform(90, 150)
        for k in range(6):
            y, w = 400 - h + k * h / 6, 8 + k * 5
            cv2.fillPoly(ink, [np.int32([(x, y - 14), (x - w, y + h / 6), (x + w, y + h / 6)])], 0.96)
    return cover + (_rgb("#1d3b3a") - cover) * ink


def garden(rng: np.random.Generator) -> Array:
    """A path through flower beds under trees, in points of pure colour and their complements."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = _sky("#9fd0ee", "#cfe7ef", "#f7eec4", "#a9cf6a", "#5fa34a", "#3f8a44")
    path = np.abs(xx - 250 - 60 * np.sin(yy / 95)) < np.clip((yy - 230) * 0.32, 0, 120)
    scene[path & (yy > 230)] = _rgb("#f0cfa0")
    scene[(np.abs(xx - 262 - 60 * np.sin(yy / 95)) > np.clip((yy - 230) * 0.30, 0, 120)) & path & (yy > 230)] = _rgb(
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
            _rgb(code).tolist(),
            -1,
        )
    for x, y, r in ((70, 150, 96), (160, 190, 60), (440, 140, 110), (350, 205, 52)):
        cv2.line(scene, (x, y), (x - 4, y + int(1.35 * r)), _rgb("#5b3f5e").tolist(), max(6, r // 8))
        for _ in range(16):
            dx, dy = rng.normal(0, 0.42 * r, 2)
            code = ("#2f7d4a", "#4fa352", "#8fc24f", "#2a5f7a")[int(rng.integers(4))]
            cv2.circle(scene, (int(x + dx), int(y + 0.8 * dy)), int(0.36 * r), _rgb(code).tolist(), -1)
    cv2.circle(scene, (258, 70), 30, _rgb("#fff2a6").tolist(), -1)
    canvas = np.ascontiguousarray(scene * 0.5 + 0.5 * _rgb("#f1e6cd"), dtype=np.float32)
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


def harbour(rng: np.random.Generator) -> Array:
    """Boats and houses cut from coloured paper, bold and flat."""
    scene = _sky("#f7d08a", "#f7d08a")
    cv2.circle(scene, (150, 150), 78, _rgb("#f25c3b").tolist(), -1)
    _below(scene, _ridge(rng, 232, 18, 160), _rgb("#d98c5f"))
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
        _polygon(scene, [(x, 330), (x + w, 330), (x + w, 330 - h), (x + w / 2, 300 - h), (x, 330 - h)], code)
        for k in range(2):
            for j in range(int(h / 44)):
                left, top = int(x + 12 + k * w * 0.45), int(330 - h + 16 + j * 40)
                cv2.rectangle(scene, (left, top), (left + 12, top + 18), _rgb("#16283a").tolist(), -1)
    _below(scene, np.full(SIZE, 330.0), _rgb("#1f5673"))
    xs = np.arange(SIZE)
    for k, code in enumerate(("#2c7a93", "#174a63", "#3f97a8", "#123a52")):
        _below(scene, 362 + 38 * k + 9 * np.sin(xs / 26 + 1.7 * k), _rgb(code))
    for x, y, s, code in ((120, 400, 1.0, "#f2ead8"), (330, 440, 1.5, "#f25c3b")):
        _polygon(scene, [(x - 62 * s, y), (x + 62 * s, y), (x + 40 * s, y + 26 * s), (x - 44 * s, y + 26 * s)], code)
        _polygon(scene, [(x - 4 * s, y - 8 * s), (x - 4 * s, y - 118 * s), (x + 54 * s, y - 8 * s)], "#f7e3b4")
        _polygon(scene, [(x - 12 * s, y - 8 * s), (x - 12 * s, y - 96 * s), (x - 48 * s, y - 8 * s)], "#e9a23b")
    tone = blur(scene.mean(-1), 1.0)
    cast = np.roll(blur(tone, 4.0), (7, 7), (0, 1)) - tone
    out = scene * (1 - 0.32 * np.clip(cast * 5, -0.25, 1)[..., None])
    return out + 0.02 * blur(rng.standard_normal((SIZE, SIZE)).astype(np.float32), 1.0)[..., None] * 3


def still_life(rng: np.random.Generator) -> Array:
    """Fruit and a jug in slabs of a dry, broad brush."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    scene = _sky("#5b2a3c", "#7a3140", "#93404a")
    table = yy > 330 + 0.06 * xx
    scene[table] = _rgb("#d8a657")
    scene[table & (yy > 440)] = _rgb("#b97a3c")
    angle = 0.5 + 0.5 * smooth_noise((SIZE, SIZE), 160, rng)
    angle[table] = 0.05

    def ball(x: float, y: float, rx: float, ry: float, dark: str, light: str) -> None:
        u, v = (xx - x) / rx, (yy - y) / ry
        inside = u * u + v * v < 1
        shade = np.clip(0.55 - 0.45 * u - 0.5 * v, 0, 1)[..., None]
        scene[inside] = (_rgb(dark) + shade * (_rgb(light) - _rgb(dark)))[inside]
        angle[inside] = (np.arctan2(v, u) + np.pi / 2)[inside]
        cast = (
            (((xx - x - 0.5 * rx) / (1.3 * rx)) ** 2 + ((yy - y - 0.85 * ry) / (0.3 * ry)) ** 2 < 1) & ~inside & table
        )
        scene[cast] = _rgb("#6b3a2c")

    ball(170, 290, 74, 110, "#123f52", "#5fb3b8")
    _polygon(scene, [(140, 190), (200, 190), (212, 130), (130, 130)], "#2f7f8c")
    cv2.ellipse(scene, (252, 270), (34, 52), 0, -80, 80, _rgb("#2f7f8c").tolist(), 12)
    for x, y, r, dark, light in (
        (300, 372, 52, "#8f1f1f", "#f2603a"),
        (392, 380, 46, "#a65a10", "#ffd04f"),
        (350, 318, 44, "#5a7a1c", "#c9dd5c"),
        (450, 410, 40, "#7a1836", "#e2506a"),
    ):
        ball(x, y, r, r, dark, light)
    canvas = np.concatenate([scene, np.zeros((SIZE, SIZE, 1))], -1).astype(np.float32)
    for width, length in ((30, 80), (18, 46), (11, 26)):
        strokes(
            canvas, scene, angle, rng, width=width, length=length, spacing=width * 0.9, jitter=0.045, skip=0.15, bend=1
        )
    hair = bristles(angle, 40, rng, 1.8)
    out = canvas[..., :3] * (1 - 0.10 * np.clip(-hair, 0, 2))[..., None] + 0.05 * np.clip(hair, 0, 2)[..., None]
    return relief(out, blur(canvas[..., 3], 1.2) + 0.15 * hair, 0.1)


def birches(rng: np.random.Generator) -> Array:
    """A birch wood in autumn, in washes that run into each other."""
    scene = _sky("#cfe0e6", "#f3e7c9", "#f0b95a", "#c8642d", "#6e4a2c")
    for _ in range(260):
        x, y = rng.uniform(0, SIZE), rng.normal(215, 90)
        code = ("#f2a93b", "#e2692b", "#f6d06a", "#a8452a", "#8a9a3f")[int(rng.integers(5))]
        cv2.circle(scene, (int(x), int(y)), int(rng.uniform(8, 30)), _rgb(code).tolist(), -1)
    out = washes.watercolour(
        scene, {"radius": 13, "colours": 10, "bleed": 5.0, "edge": 1.2, "grain": 0.02, "white": 0.2}, rng
    )
    for x in (40, 96, 150, 232, 268, 340, 410, 470):
        w, lean = rng.uniform(10, 24), rng.uniform(-14, 14)
        _trunk(out, x, w, lean, rng)
    return out + 0.02 * prints.paper((SIZE, SIZE), rng, 2.5)[..., None]


def _trunk(out: Array, x: float, width: float, lean: float, rng: np.random.Generator) -> None:
    """One white stem with dark marks, washed over the ground."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    middle = x + lean * (1 - yy / SIZE) + 3 * np.sin(yy / 60 + x)
    side = (xx - middle) / (0.5 * width * (0.75 + 0.35 * yy / SIZE))
    inside = np.clip((1 - np.abs(side)) * 5, 0, 1) * (yy < 470 + 20 * np.sin(x))
    mark = (smooth_noise((SIZE, SIZE), 7, rng) + 0.7 * np.abs(side) > 1.5) & (np.abs(side) < 1)
    bark = np.where(mark[..., None], _rgb("#3a3230"), _rgb("#f7f3ea") - 0.22 * np.clip(side, 0, 1)[..., None])
    out += inside[..., None] * (bark - out)


PICTURES: dict[str, Callable[[np.random.Generator], Array]] = {
    "night": night, "fjord": fjord, "garden": garden, "harbour": harbour, "still-life": still_life, "birches": birches,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("style_images"))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    for index, (name, paint) in enumerate(PICTURES.items()):
        image = np.round(np.clip(paint(np.random.default_rng(index)), 0, 1) * 255).astype(np.uint8)
        path = args.out / f"{name}.jpg"
        cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        print(f"{path} {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

"""The context in which haircuts are drawn, hairlines, and the direction of hair."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from miniature.avatars.data.attributes import Attributes, Rng
from miniature.avatars.drawing.anatomy import Anatomy
from miniature.avatars.drawing.canvas import Canvas, mirror, moved
from miniature.avatars.drawing.colours import SKINS, hair_table, mix
from miniature.avatars.drawing.hair.strands import curls, guides, mass
from miniature.painting.shapes import Array, Points, curve, oval


@dataclass(frozen=True)
class Head:
    """Context of a haircut: canvas, geometry of the head, colours, random generator, and masks."""

    canvas: Canvas
    body: Anatomy
    table: Array
    rng: Rng
    clip: Array | None
    puff: float
    part: float
    face: Array | None
    shadow: Array

    @classmethod
    def of(
        cls, canvas: Canvas, body: Anatomy, a: Attributes, rng: Rng, clip: Array | None, face: Array | None = None
    ) -> Head:
        """``clip``: mask of the hair that a hat leaves visible; ``face``: mask on which hair casts a shadow."""
        part = 0.5 + (0.05 + 0.06 * abs(a.parting)) * (1 if a.parting >= 0 else -1)
        table, skin = hair_table(a.hair), SKINS[a.skin]
        shadow = mix(skin.shadow, skin.deep, 0.5)
        return cls(canvas, body, table, rng, clip, 0.034 + 0.012 * a.volume, part, face, shadow)

    @property
    def top(self) -> float:
        return self.body.top - self.puff

    @property
    def wide(self) -> float:
        return self.body.width

    def curls(self, centres: Array, radii: tuple[float, float], *, dark: float = 0.0, lit: float = 1.0) -> None:
        """Draw curls at the centres that are not covered by a hat."""
        sizes, visible = self.rng.uniform(*radii, len(centres)), np.ones(len(centres), bool)
        if self.clip is not None:
            at = np.clip(np.round(self.canvas.place(centres)).astype(int), 0, len(self.clip) - 1)
            visible = self.clip[at[:, 1], at[:, 0]] > 0.5
        if visible.any():
            self.shade([oval(x, y, r) for (x, y), r in zip(centres[visible], sizes[visible], strict=True)])
            curls(self.canvas, centres, sizes, self.table, self.rng, visible, dark=dark, lit=lit)

    def mass(self, outline: Points, lines: Array, count: int = 90, **more: float) -> None:
        self.shade([np.asarray(outline)])
        mass(self.canvas, outline, lines, self.table, self.rng, count, clip=self.clip, **more)  # type: ignore[arg-type]

    def shade(self, shapes: list[Array]) -> None:
        """Draw the shadow that hair casts on the face."""
        if self.face is not None:
            low = [moved(shape, 0.0, 0.016) for shape in shapes]
            self.canvas.fill(low, self.shadow, 0.55, soft=0.007, clip=self.face)

    def dome(self, foot: float, out: float = 0.012) -> Array:
        """The outline of hair on the skull, from the left over the top to the right."""
        w, top = self.wide + out, self.top
        right = [
            (0.5, top), (0.5 + 0.118, top + 0.024), (0.5 + 0.208 * w / 0.255, top + 0.110), (0.5 + w + 0.008, 0.37),
            (0.5 + w, foot),
        ]  # fmt: skip
        return curve([*mirror(right)[:-1], *right], 60)

    def flow(self, *tips: tuple[float, float], root: float | None = None, bow: float = 0.6) -> Array:
        """Guides from the parting over the skull to the tips, which are given from left to right."""
        x0, y0 = self.part if root is None else root, self.top + 0.016
        lines = []
        for x, y in tips:
            over = 0.5 + (x - 0.5) * (1.0 if y > 0.34 else bow + 0.2)
            lines.append(
                [
                    (x0, y0),
                    (x0 + (over - x0) * 0.62, y0 + (y - y0) * 0.22 + 0.012),
                    (over, y0 + (y - y0) * 0.62),
                    (x, y),
                ]
            )
        return guides(*lines)


def ragged(line: Points, tips: int, depth: float, rng: Rng, lean: float = 0.0) -> Array:
    """A jagged hairline: the line with every second point moved down."""
    points = curve(line, 2 * tips + 1)
    points[1::2, 1] += depth * rng.uniform(0.6, 1.3, tips)
    points[1::2, 0] += lean * depth
    return points


def sides(head: Head, foot: float) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The inner line of hair in front of the ears: upwards on the left, downwards on the right."""
    w = head.wide
    right = [(0.5 + w - 0.030, 0.315), (0.5 + w - 0.022, 0.38), (0.5 + w - 0.012, foot)]
    return [tuple(p) for p in mirror(right)], right  # type: ignore[misc]


def outside(points: Array, shape: Array) -> Array:
    hull = shape.astype(np.float32)
    return points[[cv2.pointPolygonTest(hull, (float(x), float(y)), False) < 0 for x, y in points]]

"""Geometry of an upright face in units of the picture's side, and its 68 landmarks.

Eyes and mouth are where FFHQ's alignment puts them, so that alignment does not change an upright avatar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from miniature.avatars.data.attributes import Attributes
from miniature.avatars.drawing.canvas import mirror
from miniature.painting.shapes import Array, curve

JAWS = {
    "oval": ((0.243, 0.51), (0.229, 0.63), (0.190, 0.735), (0.122, 0.822), (0.052, 0.866)),
    "round": ((0.252, 0.52), (0.247, 0.63), (0.213, 0.738), (0.140, 0.820), (0.060, 0.858)),
    "square": ((0.243, 0.51), (0.238, 0.63), (0.215, 0.742), (0.152, 0.833), (0.072, 0.872)),
    "heart": ((0.247, 0.50), (0.226, 0.62), (0.172, 0.735), (0.098, 0.826), (0.037, 0.872)),
    "long": ((0.229, 0.51), (0.219, 0.64), (0.187, 0.755), (0.122, 0.850), (0.055, 0.896)),
}
"""The right side of the face from the ear to the chin."""
MOUTHS = {
    "smile": (1.10, 0.038, 0.000, 0.002, 1.0),
    "grin": (1.22, 0.034, 0.004, 0.040, 0.8),
    "neutral": (0.92, 0.010, 0.000, 0.002, 1.0),
    "open": (0.98, 0.006, 0.022, 0.052, 0.9),
    "sad": (0.90, -0.030, 0.000, 0.002, 1.0),
    "surprised": (0.52, -0.002, 0.034, 0.044, 1.0),
}
"""Width, lift of the corners, upper and lower opening, and fullness."""
LIDS = {"open": (0.047, 0.034), "half": (0.024, 0.032), "closed": (-0.018, 0.024), "wide": (0.060, 0.042)}
BROWS = {"level": (0.0, 0.0), "raised": (0.026, 0.004), "frowning": (-0.014, -0.026), "worried": (0.006, 0.026)}
"""Lift of the brows, and additional lift towards the nose."""


@dataclass(frozen=True)
class Eye:
    """Centre, half width, and heights above and below the centre; ``side`` is -1 for the left eye in the picture."""

    x: float
    y: float
    half: float
    up: float
    low: float
    tilt: float
    side: int

    def lid(self, u: Array, height: float) -> Array:
        """Points at ``u`` from -1 (left corner) to 1."""
        bow = np.maximum(1 - np.abs(u) ** 2.3, 0) ** 0.85
        return np.stack([self.x + self.half * u, self.y - self.tilt * self.side * u - height * bow], 1)

    def upper(self, count: int = 25) -> Array:
        return self.lid(np.linspace(-1, 1, count), self.up)

    def lower(self, count: int = 25) -> Array:
        return self.lid(np.linspace(-1, 1, count), -self.low)


@dataclass(frozen=True)
class Mouth:
    x: float
    y: float
    half: float
    lift: float
    up: float
    low: float
    full: float

    def line(self, u: Array, height: float, lip: float = 0.0, bow: float = 0.0) -> Array:
        """Points at ``u`` from -1 to 1 of a line ``height`` below the mouth's, plus the lip's thickness ``lip``."""
        arch = np.maximum(1 - u**2, 0)
        dip = 1 - bow * np.exp(-((u / 0.2) ** 2))
        y = self.y + self.lift * (arch - 0.6) + height * arch**0.6 + lip * arch**0.55 * dip
        return np.stack([self.x + self.half * u, y], 1)

    def edges(self, u: Array) -> tuple[Array, Array, Array, Array]:
        """Upper and lower edge of the upper lip, upper and lower edge of the lower lip."""
        upper, lower = 0.020 * self.full, 0.027 * self.full
        return (
            self.line(u, -self.up, -upper, 0.30), self.line(u, -self.up), self.line(u, self.low),
            self.line(u, self.low, lower),
        )  # fmt: skip


@dataclass(frozen=True)
class Anatomy:
    """Shapes of one face before its pose.

    Args:
        outline: closed outline of the head, starting at its top.
        width: half width of the head at the ears; ``chin`` and ``top`` are y coordinates.
        middle: x coordinate of the features' axis, which is off centre if the face is turned.
        nose: x and y of the tip, and half width.
        brows: (9, 2) points of each from left to right.
    """

    outline: Array
    jaw: Array
    width: float
    top: float
    chin: float
    middle: float
    eyes: tuple[Eye, Eye]
    brows: tuple[Array, Array]
    nose: tuple[float, float, float]
    mouth: Mouth

    @classmethod
    def of(cls, a: Attributes) -> Anatomy:
        wide = 1 + 0.045 * a.face_width + (0.02 if a.figure == "man" else -0.02)
        down = 1 + 0.035 * a.face_length + (0.01 if a.figure == "man" else -0.015)
        top = 0.158 - 0.012 * a.face_length
        jaw = np.array([(0.5 + x * wide, 0.5 + (y - 0.5) * down) for x, y in JAWS[a.face]])
        chin = 0.5 + (JAWS[a.face][-1][1] + 0.006 - 0.5) * down
        crown = np.array(
            [
                (0.5, top),
                (0.5 + 0.118 * wide, top + 0.028),
                (0.5 + 0.203 * wide, top + 0.115),
                (0.5 + 0.241 * wide, 0.395),
            ]
        )
        knots = np.concatenate([crown, jaw, [(0.5, chin)]])
        # The curve extends past top and chin, so that they are round.
        around = curve(np.concatenate([mirror(crown[1:2]), knots, mirror(jaw[-1:])]), 84)
        half = np.concatenate([knots[:1], around[around[:, 0] > 0.501], knots[-1:]])
        lower = half[half[:, 1] > 0.46]
        middle = 0.5 + 0.020 * a.turn
        size = 1 + 0.12 * a.eye_size + (0.05 if a.figure == "woman" else -0.03) + (0.04 if a.age == "young" else 0.0)
        apart, up, low = 0.126 + 0.006 * a.eye_gap, *LIDS[a.lids]
        eyes = tuple(
            Eye(middle + s * apart, 0.478, 0.0625 * size, up * size, low * size, 0.006 * a.eye_tilt + 0.002, s)
            for s in (-1, 1)
        )
        wider, lift, opened, dropped, full = MOUTHS[a.mouth]
        half_mouth = 0.090 * wider * (1 + 0.10 * a.mouth_width)
        full *= (1 + 0.3 * a.lip_fullness) * (0.95 if a.figure == "man" else 1.15)
        drop = 0.008 * (down - 1) / 0.035
        mouth = Mouth(middle, 0.722 + drop, half_mouth, lift, opened, dropped, full)
        nose = (
            0.5 + 0.030 * a.turn,
            0.605 + drop / 2,
            (0.046 if a.nose == "broad" else 0.034) * (1 + 0.12 * a.nose_size),
        )
        return cls(
            np.concatenate([half, mirror(half)]), np.concatenate([mirror(lower)[::-1], lower[::-1]]), 0.243 * wide, top,
            chin, middle, eyes, _brows(a, eyes), nose, mouth,
        )  # fmt: skip

    def landmarks(self) -> Array:
        """(68, 2) landmarks in iBUG's order, in units of the picture's side."""
        steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(self.jaw, axis=0), axis=1))])
        at = np.linspace(0, steps[-1], 17)
        jaw = np.stack([np.interp(at, steps, self.jaw[:, i]) for i in (0, 1)], 1)
        x, y, half = self.nose
        bridge = np.stack([np.linspace(self.middle, x, 4), np.linspace(0.475, y, 4)], 1)
        base = np.stack([x + half * np.linspace(-0.8, 0.8, 5), y + np.array([0.022, 0.028, 0.032, 0.028, 0.022])], 1)
        corners, thirds = np.array([-1.0, 1.0]), np.array([-0.36, 0.36])
        eyes = []
        for eye in self.eyes:
            (left, right), upper = eye.lid(corners, 0.0), eye.lid(thirds, eye.up)
            eyes += [left, *upper, right, *eye.lid(thirds, -eye.low)[::-1]]
        outer, inner = np.linspace(-1, 1, 7), np.array([-0.82, -0.4, 0.0, 0.4, 0.82])
        above, _, _, below = self.mouth.edges(outer)
        _, over, under, _ = self.mouth.edges(inner)
        mouth = [*above, *below[-2:0:-1], *over, *under[-2:0:-1]]
        brows = [brow[::2] for brow in self.brows]
        return np.concatenate([jaw, *brows, bridge, base, eyes, mouth])


def _brows(a: Attributes, eyes: tuple[Eye, ...]) -> tuple[Array, Array]:
    lift, inner = BROWS[a.brows]
    out = []
    for eye in eyes:
        u = np.linspace(-1, 1, 9)
        toward = -eye.side * u  # 1 at the nose
        arch = 0.017 * (1 - (toward + 0.08) ** 2)
        y = 0.402 - 0.010 * a.brow_height - lift - arch - inner * np.maximum(toward + 0.4, 0) / 1.4
        y = y - 0.006 * (a.lids == "wide")
        out.append(np.stack([eye.x + 0.004 * eye.side + 0.072 * u, y], 1))
    return out[0], out[1]

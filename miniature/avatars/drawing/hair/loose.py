"""Voluminous hair: long hair, bobs, curls and afros."""

from __future__ import annotations

import numpy as np

from miniature.avatars.drawing.canvas import both, mirror
from miniature.avatars.drawing.hair.head import Head, outside
from miniature.avatars.drawing.hair.strands import guides, scatter
from miniature.painting.shapes import Array, Points, curve, oval


def _curtain(head: Head, outer: Points, inner: Points, wave: float) -> None:
    """Parted hair on both sides of the face; ``outer`` and ``inner`` line of the right side."""
    x, y = head.part, head.top
    half = [(0.5, y), (0.618, y + 0.024), (0.706, y + 0.098), *outer]
    skull = curve([*mirror(half)[:-1], *half], 90)
    middle = int(np.argmin(np.abs(skull[:, 0] - x) + 9 * (skull[:, 1] > y + 0.06)))
    for way, edge in ((-1, skull[middle::-1]), (1, skull[middle:])):
        fall = np.asarray(inner) if way > 0 else mirror(inner)[::-1]
        away = abs(0.5 + way * 0.2 - x)
        brow = [(x, 0.232), (x + way * away * 0.55, 0.260), (x + way * away * 0.95, 0.315), *fall]
        first, last = curve(brow, 40), edge[np.linspace(0, len(edge) - 1, 40).astype(int)]
        # Strands start at the parting; the outer ones are closer to the skull.
        lines = np.stack([first + (last - first) * share for share in (0.0, 0.5, 1.0)])
        lines[:, :8, 0] += (x - lines[:, :8, 0]) * np.linspace(1, 0, 8) ** 2 * 0.5
        head.mass(np.concatenate([edge, first[::-1]]), lines, 70, shine=0.30, wave=wave)


def long(head: Head) -> None:
    w = head.wide
    outer = [
        (0.5 + w + 0.026, 0.34),
        (0.5 + w + 0.040, 0.48),
        (0.5 + w + 0.066, 0.65),
        (0.5 + w + 0.052, 0.82),
        (0.5 + w + 0.08, 1.06),
    ]
    inner = [
        (0.5 + w - 0.030, 0.36),
        (0.5 + w - 0.018, 0.48),
        (0.5 + w - 0.014, 0.65),
        (0.5 + w - 0.040, 0.82),
        (0.5 + w - 0.05, 1.06),
    ]
    _curtain(head, outer, inner, 0.008)


def long_back(head: Head) -> None:
    _behind(head, [(head.wide + 0.03, 0.45), (head.wide + 0.06, 0.80), (head.wide + 0.04, 1.08)], 0.010)


def _behind(head: Head, edge: list[tuple[float, float]], wave: float) -> None:
    """Dark hair behind the neck; ``edge`` are half widths and y coordinates of its outline."""
    right = curve([(0.5, head.top + 0.01), (0.71, head.top + 0.10), *((0.5 + x, y) for x, y in edge)], 30)
    foot = edge[-1][1]
    lines = guides(*[[(0.5 + x * 0.4, 0.2), (0.5 + x, 0.5), (0.5 + x, foot)] for x in (-0.3, -0.1, 0.1, 0.3)])
    head.mass(both(right), lines, 70, dark=0.9, gloss=0.2, wave=wave, edge=0.3)


def bob(head: Head) -> None:
    w = head.wide
    outer = [
        (0.5 + w + 0.028, 0.34),
        (0.5 + w + 0.046, 0.48),
        (0.5 + w + 0.058, 0.62),
        (0.5 + w + 0.044, 0.72),
        (0.5 + w - 0.015, 0.79),
    ]
    inner = [
        (0.5 + w - 0.030, 0.36),
        (0.5 + w - 0.018, 0.48),
        (0.5 + w - 0.022, 0.62),
        (0.5 + w - 0.048, 0.70),
        (0.5 + w - 0.055, 0.755),
    ]
    _curtain(head, outer, inner, 0.0)


def bob_back(head: Head) -> None:
    _behind(head, [(head.wide + 0.03, 0.45), (head.wide + 0.04, 0.68), (head.wide - 0.02, 0.79)], 0.0)


def _curly_shape(head: Head) -> Array:
    w = head.wide
    return both(curve([(0.5, head.top - 0.02), (0.5 + 0.16, head.top + 0.01), (0.5 + w + 0.03, 0.27),
                       (0.5 + w + 0.065, 0.45), (0.5 + w + 0.065, 0.62), (0.5 + w + 0.01, 0.745)], 40))  # fmt: skip


def curly_back(head: Head) -> None:
    centres = scatter(_curly_shape(head), 0.062, head.rng)
    head.curls(centres, (0.040, 0.056), dark=0.5)


def curly(head: Head) -> None:
    """Curls around the face: those of the whole shape whose centre is outside the face."""
    w = head.wide
    face = both(
        curve(
            [
                (0.5, 0.275),
                (0.5 + 0.13, 0.292),
                (0.5 + w - 0.055, 0.36),
                (0.5 + w - 0.018, 0.50),
                (0.5 + w - 0.02, 0.80),
            ],
            30,
        )
    )
    centres = scatter(_curly_shape(head), 0.054, head.rng)
    centres = outside(centres, face)
    centres = centres[np.argsort(-np.abs(centres[:, 0] - 0.5) + 0.6 * centres[:, 1], kind="stable")]
    head.curls(centres, (0.033, 0.050))


def _afro_shape(head: Head) -> Array:
    """A ball, which is lower under a hat."""
    r = 0.335 + 0.02 * (head.puff - 0.034) / 0.012
    return oval(0.5, 0.345 if head.clip is None else 0.42, r * 1.03, r)


def afro_back(head: Head) -> None:
    centres = scatter(_afro_shape(head), 0.040, head.rng)
    centres = centres[np.argsort(-np.hypot(centres[:, 0] - 0.5, centres[:, 1] - 0.36), kind="stable")]
    head.curls(centres, (0.020, 0.031), dark=0.12, lit=0.7)


def afro(head: Head) -> None:
    w = head.wide
    outer = both(
        curve([(0.5, head.top), (0.5 + 0.15, head.top + 0.05), (0.5 + w + 0.03, 0.30), (0.5 + w + 0.02, 0.44)], 20)
    )
    face = both(
        curve([(0.5, 0.268), (0.5 + 0.12, 0.280), (0.5 + w - 0.05, 0.34), (0.5 + w - 0.012, 0.46), (0.5 + w, 0.8)], 30)
    )
    centres = outside(scatter(outer, 0.034, head.rng, 0.25), face)
    head.curls(centres, (0.023, 0.030), lit=0.7)

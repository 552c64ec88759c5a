"""Short, shaved and tied hair, and the tables of all haircuts.

Each haircut has a function that draws over the face, and some have one for the hair behind the head.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from miniature.avatars.drawing.canvas import mirror, moved
from miniature.avatars.drawing.hair.head import Head, ragged, sides
from miniature.avatars.drawing.hair.loose import afro, afro_back, bob, bob_back, curly, curly_back, long, long_back
from miniature.avatars.drawing.hair.strands import guides
from miniature.painting.shapes import curve, oval


def short(head: Head) -> None:
    up, down = sides(head, 0.475)
    way = 1 if head.part < 0.5 else -1
    line = [(0.5 - way * 0.185, 0.285), (head.part, 0.232), (0.5 + way * 0.07, 0.270), (0.5 + way * 0.195, 0.318)]
    line = line if way > 0 else line[::-1]
    fringe = ragged(line, 7, 0.026, head.rng, 0.5 * way)
    outline = np.concatenate([head.dome(0.475), down[::-1], fringe[::-1], up[::-1]])
    w = head.wide
    lines = head.flow(
        (0.5 - w - 0.004, 0.475), (0.5 - w + 0.02, 0.34), (0.40, 0.31), (0.5, 0.285), (0.60, 0.31),
        (0.5 + w - 0.02, 0.34), (0.5 + w + 0.004, 0.475),
    )  # fmt: skip
    head.mass(outline, lines, 110, shine=0.42)


def bowl(head: Head) -> None:
    w = head.wide
    right = [(0.5 + w - 0.032, 0.385), (0.5 + w - 0.018, 0.44), (0.5 + w - 0.006, 0.51)]
    fringe = curve([*mirror(right), (0.40, 0.358), (0.5, 0.352), (0.60, 0.358), *right], 50)
    fringe[1:-1:2, 1] += head.rng.uniform(-0.004, 0.008, 24)
    outer = head.dome(0.47, 0.034)
    foot = [(0.5 + w + 0.030, 0.515), (0.5 + w + 0.004, 0.535)]
    outline = np.concatenate([mirror(foot), outer, foot, fringe[::-1]])
    lines = head.flow(
        (0.5 - w - 0.030, 0.53), (0.5 - w + 0.01, 0.46), (0.38, 0.38), (0.46, 0.365), (0.54, 0.365), (0.62, 0.38),
        (0.5 + w - 0.01, 0.46), (0.5 + w + 0.030, 0.53), root=0.5, bow=0.75,
    )  # fmt: skip
    head.mass(outline, lines, 130, shine=0.50, gloss=1.3)


def mohawk(head: Head) -> None:
    """A mohawk with shaved sides and a crest of spikes."""
    up, down = sides(head, 0.46)
    shaved = np.concatenate(
        [
            moved(head.dome(0.46, -0.002), 0, 0.026),
            down[::-1],
            curve([(0.69, 0.29), (0.5, 0.262), (0.31, 0.29)], 20),
            up[::-1],
        ]
    )
    head.canvas.fill(shaved, head.table[60], 0.50, soft=0.004, clip=head.clip)
    rng, spikes = head.rng, 9
    x = np.linspace(-1, 1, spikes)
    reach = 0.215 + 0.03 * (1 - x**2) + rng.uniform(-0.012, 0.012, spikes)
    tips = np.stack([0.5 + 0.165 * x, head.body.top + 0.065 - reach * (1 - 0.42 * np.abs(x))], 1)
    between = np.stack([0.5 + 0.145 * (x[:-1] + x[1:]) / 2, 0.5 * (tips[:-1, 1] + tips[1:, 1]) + 0.045], 1)
    crest = np.empty((2 * spikes - 1, 2))
    crest[::2], crest[1::2] = tips, between
    foot = ragged([(0.572, 0.245), (0.545, 0.280), (0.5, 0.288), (0.455, 0.280), (0.428, 0.245)], 6, 0.012, rng)
    outline = np.concatenate([crest, [(0.60, 0.17)], foot, [(0.40, 0.17)]])
    lines = guides(
        *[
            [(0.5 + 0.07 * u, 0.31 - 0.07 * u * u), (0.5 + 0.10 * u, 0.18), (0.5 + 0.19 * u, -0.03 + 0.08 * abs(u))]
            for u in x
        ]
    )
    head.mass(outline, lines, 90, shine=0.42, gloss=1.1, edge=0.35)


def _combed(head: Head, to: tuple[float, float]) -> None:
    """Hair combed back from the face to a knot at ``to``."""
    up, down = sides(head, 0.485)
    w = head.wide
    line = curve([(0.5 - w + 0.034, 0.318), (0.40, 0.262), (0.5, 0.250), (0.60, 0.262), (0.5 + w - 0.034, 0.318)], 24)
    outline = np.concatenate([moved(head.dome(0.475, 0.004), 0, 0.010), down[::-1], line[::-1], up[::-1]])
    x, y = to
    roots = [
        (0.5 - w, 0.48),
        (0.5 - w + 0.02, 0.36),
        (0.37, 0.28),
        (0.45, 0.26),
        (0.55, 0.26),
        (0.63, 0.28),
        (0.5 + w - 0.02, 0.36),
        (0.5 + w, 0.48),
    ]
    lines = guides(
        *[
            [(rx, ry), (0.5 + (rx - 0.5) * 0.86 + 0.1 * (x - 0.5), 0.4 * ry + 0.6 * y + 0.03), (x, y)]
            for rx, ry in roots
        ]
    )
    head.mass(outline, lines, 110, shine=0.42)


def bun(head: Head) -> None:
    _combed(head, (0.5, head.top + 0.005))
    x, y, r = 0.5, head.top - 0.022, 0.088 + 0.4 * (head.puff - 0.034)
    knot = oval(x, y, r * 1.08, r * 0.86)
    swirl = guides(*[oval(x, y, r * k, r * k * 0.82, 0.5)[np.r_[20:64, 0:12]] for k in (0.12, 0.4, 0.7, 1.0)])
    head.mass(knot, swirl, 40, shine=0.35)
    band = curve([(x - 0.055, y + r * 0.78), (x, y + r * 0.90), (x + 0.055, y + r * 0.78)], 12)
    head.canvas.stroke(band, (0.008, 0.016, 0.008), head.table[24], 0.9, clip=head.clip)


def ponytail(head: Head) -> None:
    _combed(head, (0.5 + 0.6 * (head.part - 0.5), head.top + 0.03))


def ponytail_back(head: Head) -> None:
    """The ponytail beside the face; it starts at the crown or, under a hat, at the nape."""
    w, t = head.wide, head.top
    if head.clip is None:
        out = [
            (0.54, t + 0.06),
            (0.62, t - 0.055),
            (0.53 + w, t + 0.01),
            (0.645 + w, 0.30),
            (0.65 + w, 0.52),
            (0.59 + w, 0.74),
        ]
        inner = [
            (0.56, t + 0.10),
            (0.66, t + 0.06),
            (0.5 + w, 0.24),
            (0.535 + w, 0.40),
            (0.54 + w, 0.55),
            (0.59 + w, 0.74),
        ]
    else:
        out = [(0.44 + w, 0.56), (0.56 + w, 0.55), (0.63 + w, 0.66), (0.64 + w, 0.82), (0.58 + w, 1.0)]
        inner = [(0.44 + w, 0.66), (0.50 + w, 0.66), (0.54 + w, 0.74), (0.55 + w, 0.85), (0.58 + w, 1.0)]
    first, last = curve(inner, 40), curve(out, 40)
    lines = np.stack([first[::2], 0.5 * (first + last)[::2], last[::2]])
    outline = np.concatenate([last, first[::-1]])
    if head.part < 0.5:
        lines, outline = lines * [-1, 1] + [1, 0], mirror(outline)
    head.mass(outline, lines, 60, shine=0.35)


BEHIND: dict[str, Callable[[Head], None]] = {
    "long": long_back, "bob": bob_back, "curly": curly_back, "afro": afro_back, "ponytail": ponytail_back,
}  # fmt: skip
OVER: dict[str, Callable[[Head], None]] = {
    "short": short, "bowl": bowl, "long": long, "bob": bob, "curly": curly, "afro": afro, "mohawk": mohawk, "bun": bun,
    "ponytail": ponytail,
}  # fmt: skip

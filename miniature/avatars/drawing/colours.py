"""Colours of skin, hair, eyes, clothes and backgrounds: "#rrggbb" in the tables, floats in [0, 1] in drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from miniature.painting.shapes import Array, rgb

WHITE = np.ones(3, np.float32)
INK = rgb("#2b2027")


def mix(one: Array, other: Array, share: float) -> Array:
    """Interpolate from ``one`` to the other colour by ``share``."""
    return (one + share * (other - one)).astype(np.float32)


@dataclass(frozen=True)
class Skin:
    base: Array
    shadow: Array
    deep: Array
    light: Array
    blush: Array
    lips: Array

    @classmethod
    def of(cls, base: str, shadow: str, deep: str, blush: str, lips: str) -> Skin:
        return cls(rgb(base), rgb(shadow), rgb(deep), mix(rgb(base), rgb("#fff6e6"), 0.5), rgb(blush), rgb(lips))


SKINS = {
    "pale": Skin.of("#fbe3d6", "#e9bcab", "#b9786b", "#f59a95", "#dd8a87"),
    "fair": Skin.of("#f7cfb2", "#e0a384", "#a8674f", "#ef8478", "#cf7a6d"),
    "olive": Skin.of("#e6b98c", "#c98f62", "#8c5a3b", "#de7d5e", "#bd6f5c"),
    "tan": Skin.of("#cf9668", "#ab7047", "#70432a", "#c8634a", "#a3584a"),
    "brown": Skin.of("#a26b47", "#7f4d31", "#4d2b1d", "#a44a38", "#8a4a44"),
    "dark": Skin.of("#744931", "#573223", "#311a14", "#8a3b30", "#6d3637"),
}
HAIR = {
    "black": ("#120f18", "#2b2733", "#575369", "#a3a2bd"),
    "brown": ("#2b1711", "#6b402a", "#99643f", "#d6a573"),
    "blond": ("#8a5a24", "#e2b458", "#f6d889", "#fff4c8"),
    "ginger": ("#6b2410", "#c9602a", "#ea8b4a", "#ffc48a"),
    "grey": ("#4b4d57", "#8f929c", "#b8bac3", "#e6e7ec"),
    "white": ("#8f909e", "#dcdde3", "#f1f1f4", "#ffffff"),
    "red": ("#56060f", "#c4202f", "#e94c4c", "#ff9a8c"),
    "blue": ("#122060", "#2f66d0", "#5c97f0", "#aed6ff"),
    "green": ("#0d4028", "#2d9c5c", "#62c57d", "#baf0b4"),
    "pink": ("#8c2560", "#f07ab4", "#ffa5cd", "#ffdcec"),
    "purple": ("#2f1260", "#7d45c4", "#a674e4", "#dcbcff"),
}
"""Hair colours from dark to highlight."""
EYES = {"brown": "#7a4a26", "blue": "#3f8edb", "green": "#4ba35a", "grey": "#8592a0"}
LIPS = {"red": "#cc1f33", "pink": "#ea6a9c"}
CLOTH = {
    "red": "#d6494b", "orange": "#ec8a42", "yellow": "#f2c14b", "green": "#4f9f70", "blue": "#4a7fc4",
    "purple": "#8560b5", "black": "#3a3942", "white": "#efece6",
}  # fmt: skip
BACKGROUNDS = {
    "sky": ("#cfe6f5", "#8fc1e3"), "mint": ("#d8f0df", "#93cfb0"), "peach": ("#fde3cf", "#f5b796"),
    "lilac": ("#e8def5", "#b9a4dc"), "lemon": ("#fdf3cc", "#f2d784"), "rose": ("#fbdfe4", "#eea3b4"),
    "sand": ("#efe6d8", "#cdb695"), "slate": ("#cdd6de", "#8497a8"),
}  # fmt: skip
"""Background colours near the light and away from it."""


def hair_table(name: str) -> Array:
    """(256, 3) colours of the hair, from dark (0) to highlight (255)."""
    stops = np.stack([rgb(code) for code in HAIR[name]])
    tones = np.arange(256)
    return np.stack([np.interp(tones, [20, 110, 180, 245], stops[:, i]) for i in range(3)], 1).astype(np.float32)

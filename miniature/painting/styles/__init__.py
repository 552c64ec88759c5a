"""The procedural styles in which a photo can be rendered, a module for each medium."""

from __future__ import annotations

from miniature.painting.styles import (  # noqa: F401  (importing them registers their styles)
    drops,
    materials,
    oils,
    papers,
    pencils,
    pens,
    plans,
    prints,
    screens,
    textiles,
    tiles,
    washes,
)
from miniature.painting.styles.registry import REGISTERED, Params, Style

__all__ = ["STYLES", "Params"]

ORDER = (
    "oil", "impasto", "swirl", "knife", "pointillism", "pastel",
    "felt", "crayon", "drybrush", "tapestry", "etching", "ballpoint",
    "typewriter", "contours", "drip", "spray", "sponge", "quilling",
    "confetti", "rain", "ridges", "pencil", "hatching", "charcoal",
    "woodcut", "linocut", "halftone", "risograph", "stitch", "chalk",
    "blueprint", "pixels", "stipple", "engraving", "scratch", "cubism",
    "batik", "sand", "collage", "bricks", "scales", "basket",
    "marquetry", "foil", "hexagons", "glitch", "marbling", "knit",
    "patches", "watercolour", "gouache", "inkwash", "ukiyoe", "comic",
    "lowpoly", "mosaic", "stained", "papercut", "fresco", "wax",
)  # fmt: skip
"""Training pictures are assigned to styles in this order, so new styles are appended."""

assert set(ORDER) == REGISTERED.keys(), f"ORDER and the modules differ in {set(ORDER) ^ REGISTERED.keys()}"

STYLES: dict[str, Style] = {name: REGISTERED[name] for name in ORDER}

"""The procedural styles a photo can be drawn in, a module for each medium."""

from __future__ import annotations

from miniature.painting.styles import (  # noqa: F401  (they register their styles)
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
"""In the order they were made: training pictures are dealt out in it, so new ones go to the end."""

assert set(ORDER) == REGISTERED.keys(), f"ORDER and the modules differ in {set(ORDER) ^ REGISTERED.keys()}"

STYLES: dict[str, Style] = {name: REGISTERED[name] for name in ORDER}

"""The miniature's report as Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.common.tables import markdown_table
from benchmarks.quality.tables import means_table, named_table, shares_table, sweep_table
from miniature.painting.styles import STYLES

Facts = dict[str, Any]
# The shares that real paintings are to reach are lower than those of rendered styles.
REAL_TARGETS = {"colour": 0.85, "strokes": 0.70}
HELD_TARGETS = {"colour": 0.90, "strokes": 0.80, "CLIP": 0.90}
ENERGY = (0.8, 1.1)


def report(metadata: Facts) -> str:
    """All tables."""
    machine = "; ".join(f"{name} {value}" for name, value in metadata["machine"].items())
    source = "photos and paintings of one's own" if metadata["own"] else "what a clone holds"
    parts = [
        f"# Report on {metadata['model']}, from {source}",
        "Fixed seeds, the product's defaults for every pair.",
        parts_table(metadata),
        energy_line(metadata["autoencoder"]),
    ]
    for name, targets in (("held styles", HELD_TARGETS), ("real paintings", REAL_TARGETS)):
        if name in metadata:
            parts += style_tables(name, metadata[name], targets)
    parts.append(f"{machine}. The run took {metadata['seconds'] / 60:.0f} minutes.")
    return "\n\n".join(part for part in parts if part)


def style_tables(name: str, metadata: Facts, targets: dict[str, float]) -> list[str]:
    """Quality over the pairs of one kind of painting."""
    title = {
        "held styles": "Styles never trained on, each learned from one picture",
        "real paintings": "Real paintings, never trained on",
    }[name]
    rows = metadata["rows"]
    note = (
        f"{len(rows)} pairs. Distances, lower is nearer: colour, strokes, CLIP to the painting, the rest to the photo."
    )
    return [
        f"## {title}",
        note,
        means_table(rows),
        shares_table(rows, targets),
        named_table(rows),
        sweep_table(metadata["sweep"]),
    ]


def parts_table(metadata: Facts) -> str:
    """Autoencoder, CLIP and pictures from text."""
    coded, eye, texts = metadata["autoencoder"], metadata["eye"], metadata["texts"]
    judged = f"style among {eye['trained styles']} by a classifier right on {texts['judge']:.0%} of renderings"
    held = [value["psnr"] for name, value in coded.items() if name in STYLES and STYLES[name].held]
    lines = [
        ["autoencoder, photos: PSNR", f"{coded['photos']['psnr']:.1f} dB", "26 dB"],
        ["autoencoder, held-out styles: PSNR", f"{np.mean(held):.1f} dB", "26 dB"],
        [f"CLIP: style among {eye['trained styles']} by caption", f"{eye['by caption']:.0%}", "90%"],
        [f"CLIP: nearest neighbour, {eye['held styles']} held-out styles", f"{eye['nearest neighbour']:.0%}", "80%"],
        [f"text to image: {judged}", f"{texts['style']:.0%}", "85%"],
        ["text to image: thing among 20, by the miniature's own CLIP", f"{texts['word']:.0%}", "60%"],
    ]
    return markdown_table(["part", "measured", "to reach"], lines)


def energy_line(coded: Facts) -> str:
    """How much of the strokes the autoencoder keeps, style by style."""
    found = {name: value["energy"] for name, value in coded.items() if name in STYLES}
    outside = sorted((value, name) for name, value in found.items() if not ENERGY[0] <= value <= ENERGY[1])
    listed = ", ".join(f"{name} {value:.2f}" for value, name in outside) or "none"
    return (
        f"Gradient energy after the autoencoder's round trip, mean over {len(found)} styles: "
        f"{np.mean(list(found.values())):.2f} of the original. Outside {ENERGY[0]} to {ENERGY[1]}: {listed}."
    )

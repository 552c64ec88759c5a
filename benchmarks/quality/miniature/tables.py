"""The report on the embedded model in Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.common.tables import markdown_table
from benchmarks.quality.tables import comparison_table, means_table, retrieval_table, sweep_table
from miniature.painting.styles import STYLES

Metadata = dict[str, Any]
# Targets are lower for real paintings than for procedural styles.
REAL_TARGETS = {"colour": 0.85, "strokes": 0.70}
HELD_OUT_TARGETS = {"colour": 0.90, "strokes": 0.80, "CLIP": 0.90}
ENERGY = (0.8, 1.1)
"""Range of the share of gradient energy that counts as preserved."""


def report(metadata: Metadata) -> str:
    """All tables."""
    machine = "; ".join(f"{name} {value}" for name, value in metadata["machine"].items())
    source = "custom photos and paintings" if metadata["custom"] else "images from the repository"
    parts = [
        f"# Report on {metadata['model']}, {source}",
        "Seeds are fixed; every pair is stylized with the default settings.",
        parts_table(metadata),
        energy_line(metadata["autoencoder"]),
    ]
    for name, targets in (("held-out styles", HELD_OUT_TARGETS), ("real paintings", REAL_TARGETS)):
        if name in metadata:
            parts += style_tables(name, metadata[name], targets)
    parts.append(f"{machine}. The run took {metadata['seconds'] / 60:.0f} minutes.")
    return "\n\n".join(part for part in parts if part)


def style_tables(name: str, metadata: Metadata, targets: dict[str, float]) -> list[str]:
    """Quality over the pairs of one kind of painting."""
    title = {
        "held-out styles": "Held-out styles, each learned from one image",
        "real paintings": "Real paintings, held out from training",
    }[name]
    rows = metadata["rows"]
    note = (
        f"{len(rows)} pairs. Distances, lower is closer: colour, strokes and CLIP to the painting, "
        "edges and layout to the photo."
    )
    return [
        f"## {title}",
        note,
        means_table(rows),
        comparison_table(rows, targets),
        retrieval_table(rows),
        sweep_table(metadata["sweep"]),
    ]


def parts_table(metadata: Metadata) -> str:
    """Autoencoder, CLIP and text to image."""
    reconstructions, clip, texts = metadata["autoencoder"], metadata["clip"], metadata["text to image"]
    classifier = f"by a classifier with {texts['classifier accuracy']:.0%} accuracy on renderings"
    held_out = [value["psnr"] for name, value in reconstructions.items() if name in STYLES and STYLES[name].held_out]
    lines = [
        ["autoencoder: reconstruction PSNR, photos", f"{reconstructions['photos']['psnr']:.1f} dB", "26 dB"],
        ["autoencoder: reconstruction PSNR, held-out styles", f"{np.mean(held_out):.1f} dB", "26 dB"],
        [f"CLIP: zero-shot style accuracy (of {clip['trained styles']})", f"{clip['by caption']:.0%}", "90%"],
        [
            f"CLIP: nearest neighbour has the same style ({clip['held-out styles']} held-out styles)",
            f"{clip['nearest neighbour']:.0%}",
            "80%",
        ],
        [f"text to image: style accuracy (of {clip['trained styles']}), {classifier}", f"{texts['style']:.0%}", "85%"],
        ["text to image: subject accuracy (of 20), by the embedded CLIP", f"{texts['subject']:.0%}", "60%"],
    ]
    return markdown_table(["part", "measured", "target"], lines)


def energy_line(reconstructions: Metadata) -> str:
    """How much gradient energy the autoencoder preserves, by style."""
    energies = {name: value["energy"] for name, value in reconstructions.items() if name in STYLES}
    outside = sorted((value, name) for name, value in energies.items() if not ENERGY[0] <= value <= ENERGY[1])
    listed = ", ".join(f"{name} {value:.2f}" for value, name in outside) or "none"
    return (
        f"Gradient energy preserved by the autoencoder, mean over {len(energies)} styles: "
        f"{np.mean(list(energies.values())):.2f}. Outside {ENERGY[0]} to {ENERGY[1]}: {listed}."
    )

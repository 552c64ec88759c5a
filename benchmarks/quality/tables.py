"""Tables of the quality measurement in Markdown: means with their controls, shares of pairs with their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.tables import markdown_table
from benchmarks.quality.scores import (
    CONTENT_SCORES,
    DISTANCE_NAMES,
    SCORES,
    STYLE_SCORES,
    Scores,
    is_monotone,
    mean_distance,
    share_closer,
)

COMPARISONS = (
    *(("inst", "plain img2img", name, 0.8 if name == "strokes" else 0.9) for name in STYLE_SCORES),
    ("inst", "colour transfer", "strokes", 0.7),
    *(("inst", "without inversion", name, 0.8) for name in CONTENT_SCORES),
    ("inst", "textual inversion", "CLIP", 0.6),
    ("without transport", "textual inversion without transport", "CLIP", 0.6),
)
"""Method, control, distance, and the share of pairs in which the method should be closer."""
RETRIEVALS = (
    ("photo", "edges", 0.9),
    ("photo", "layout", 0.9),
    ("painting", "strokes", 0.7),
    ("painting", "CLIP", 0.7),
)
"""What is retrieved, by which distance, and the target."""


def report(metadata: dict[str, Any]) -> str:
    """All tables."""
    rows = metadata["rows"]
    machine = "; ".join(f"{name} {value}" for name, value in metadata["machine"].items())
    parts = [
        f"# Quality of {metadata['model']} over {len(rows)} pairs",
        "Distances, lower is closer: colour, strokes and CLIP to the painting, edges and layout to the photo.",
        means_table(rows),
        comparison_table(rows),
        retrieval_table(rows),
        sweep_table(metadata["sweep"]),
        texts_table(metadata["texts"]),
        f"{machine}. The run took {metadata['seconds'] / 60:.0f} minutes.",
    ]
    return "\n\n".join(part for part in parts if part)


def means_table(rows: Sequence[dict[str, Any]]) -> str:
    """Mean of every distance for every method."""
    lines = [[name, *(f"{mean_distance(rows, name, score):z.4f}" for score in SCORES)] for name in rows[0]["scores"]]
    return markdown_table(["mean distance", *SCORES], lines)


def comparison_table(rows: Sequence[dict[str, Any]], targets: Mapping[str, float] | None = None) -> str:
    """In how many pairs the toolkit is closer than a control.

    Args:
        targets: targets against plain img2img, by distance, where they differ from those of `COMPARISONS`.
    """
    shares = {(other, name): target for _, other, name, target in COMPARISONS}
    shares |= {("plain img2img", name): target for name, target in (targets or {}).items()}
    lines = []
    for method, other, name, _ in COMPARISONS:
        if other in rows[0]["scores"]:
            control = f"inst {other}" if other.startswith("without") else other
            label = f"closer than {control}, {DISTANCE_NAMES[name]}"
            share = share_closer(rows, method, other, name)
            label = label if method == "inst" else f"{method}: {label}"
            lines.append([label, f"{share:.0%}", f"{shares[other, name]:.0%}"])
    return markdown_table(["share of pairs", "measured", "target"], lines)


def retrieval_table(rows: Sequence[dict[str, Any]]) -> str:
    """In how many pairs a result retrieves its photo and its painting among candidates; and its controls."""
    methods = list(rows[0]["retrieved"])
    lines = [
        _retrieval_line(
            rows,
            methods,
            f"top-1 {what} retrieval (of {rows[0]['candidates'][what]}), {DISTANCE_NAMES[name]}",
            [name],
            target,
        )
        for what, name, target in RETRIEVALS
    ]
    title = "photo (edge distance) and painting (stroke and CLIP distance) all retrieved"
    lines.append(_retrieval_line(rows, methods, title, ["edges", "strokes", "CLIP"], None))
    return markdown_table(["share of pairs", "measured", "target", *methods[1:]], lines)


def _retrieval_line(
    rows: Sequence[dict[str, Any]], methods: Sequence[str], title: str, names: Sequence[str], target: float | None
) -> list[str]:
    """Share of pairs in which all the distances retrieve, by method; the target stands after the first method."""
    shares = [
        sum(all(row["retrieved"][method][name] for name in names) for row in rows) / len(rows) for method in methods
    ]
    own, *controls = [f"{share:.0%}" for share in shares]
    return [title, own, "" if target is None else f"{target:.0%}", *controls]


def sweep_table(sweep: dict[str, list[Scores]]) -> str:
    """Means at each strength; the last line says whether style distances fall and content distances rise throughout."""
    if not all(sweep.values()):
        return ""
    means = {strength: [_mean(scores, name) for name in SCORES] for strength, scores in sweep.items()}
    lines = [[strength, *(f"{value:z.4f}" for value in values)] for strength, values in means.items()]
    columns = zip(*means.values(), strict=True)
    monotone = [
        "yes" if is_monotone(column, rising=name in CONTENT_SCORES) else "no"
        for name, column in zip(SCORES, columns, strict=True)
    ]
    count = len(next(iter(sweep.values())))
    return markdown_table([f"strength, {count} pairs", *SCORES], [*lines, ["monotone", *monotone]])


def texts_table(texts: dict[str, list[Scores]]) -> str:
    """Text to image: 1 − CLIP similarity to the subject and to the painting."""
    if not all(texts.values()):
        return ""
    lines = [
        [method, f"{_mean(scores, 'text'):.4f}", f"{_mean(scores, 'painting'):.4f}", str(len(scores))]
        for method, scores in texts.items()
    ]
    return markdown_table(["text to image, CLIP distance", "to the text", "to the painting", "images"], lines)


def _mean(scores: Sequence[Scores], name: str) -> float:
    return sum(one[name] for one in scores) / len(scores)

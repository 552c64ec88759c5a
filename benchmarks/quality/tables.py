"""The quality measures as Markdown: means beside their controls, shares beside what they are to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.tables import markdown_table
from benchmarks.quality.scores import (
    CONTENT_SCORES,
    SCORES,
    STYLE_SCORES,
    Scores,
    is_monotone,
    mean_score,
    share_nearer,
)

SHARES = (
    *(("inst", "plain img2img", name, 0.8 if name == "strokes" else 0.9) for name in STYLE_SCORES),
    ("inst", "colour transfer", "strokes", 0.7),
    *(("inst", "no inversion", name, 0.8) for name in CONTENT_SCORES),
    ("inst", "direct inversion", "CLIP", 0.6),
    ("[C] alone", "direct [C] alone", "CLIP", 0.6),
)
NAMED = (("photos", "edges", 0.9), ("photos", "layout", 0.9), ("paintings", "strokes", 0.7), ("paintings", "CLIP", 0.7))


def report(metadata: dict[str, Any]) -> str:
    """All tables."""
    rows = metadata["rows"]
    machine = "; ".join(f"{name} {value}" for name, value in metadata["machine"].items())
    parts = [
        f"# Quality of {metadata['model']} over {len(rows)} pairs",
        "Distances, lower is nearer: colour, strokes and CLIP to the painting, edges and layout to the photo.",
        means_table(rows),
        shares_table(rows),
        named_table(rows),
        sweep_table(metadata["sweep"]),
        texts_table(metadata["texts"]),
        f"{machine}. The run took {metadata['seconds'] / 60:.0f} minutes.",
    ]
    return "\n\n".join(part for part in parts if part)


def means_table(rows: Sequence[dict[str, Any]]) -> str:
    """The mean of every distance for every method."""
    lines = [[name, *(f"{mean_score(rows, name, score):z.4f}" for score in SCORES)] for name in rows[0]["scores"]]
    return markdown_table(["mean distance", *SCORES], lines)


def shares_table(rows: Sequence[dict[str, Any]], targets: Mapping[str, float] | None = None) -> str:
    """How often the product is nearer than a control.

    Args:
        targets: what is to be reached against plain img2img, where it is not the project's general goal.
    """
    reach = {(other, name): target for _, other, name, target in SHARES}
    reach |= {("plain img2img", name): target for name, target in (targets or {}).items()}
    lines = []
    for method, other, name, _ in SHARES:
        if other in rows[0]["scores"]:
            label = f"nearer than {other}: {name}" if method == "inst" else f"{method} nearer than {other}: {name}"
            share = share_nearer(rows, method, other, name)
            lines.append([label, f"{share:.0%}", f"{reach[other, name]:.0%}"])
    return markdown_table(["share of pairs", "measured", "to reach"], lines)


def named_table(rows: Sequence[dict[str, Any]]) -> str:
    """How often a result names its photo and its painting among others, and all of them at once; and its controls."""
    methods = list(rows[0]["named"])
    lines = [
        _named_line(rows, methods, f"names its {what[:-1]} among {rows[0]['among'][what]} by {name}", [name], target)
        for what, name, target in NAMED
    ]
    at_once = "photo by edges, painting by strokes and CLIP, at once"
    lines.append(_named_line(rows, methods, at_once, ["edges", "strokes", "CLIP"], None))
    return markdown_table(["share of pairs", "measured", "to reach", *methods[1:]], lines)


def _named_line(
    rows: Sequence[dict[str, Any]], methods: Sequence[str], title: str, names: Sequence[str], target: float | None
) -> list[str]:
    """The share of pairs in which all the names hold, the first method's before what is to be reached."""
    shares = [sum(all(row["named"][method][name] for name in names) for row in rows) / len(rows) for method in methods]
    own, *controls = [f"{share:.0%}" for share in shares]
    return [title, own, "" if target is None else f"{target:.0%}", *controls]


def sweep_table(sweep: dict[str, list[Scores]]) -> str:
    """Means at each strength; the last line says whether style comes and content goes at every step."""
    if not all(sweep.values()):
        return ""
    means = {strength: [_mean(found, name) for name in SCORES] for strength, found in sweep.items()}
    lines = [[strength, *(f"{value:z.4f}" for value in values)] for strength, values in means.items()]
    columns = zip(*means.values(), strict=True)
    monotone = [
        "yes" if is_monotone(column, rising=name in CONTENT_SCORES) else "no"
        for name, column in zip(SCORES, columns, strict=True)
    ]
    count = len(next(iter(sweep.values())))
    return markdown_table([f"strength, {count} pairs", *SCORES], [*lines, ["monotone", *monotone]])


def texts_table(texts: dict[str, list[Scores]]) -> str:
    """Pictures from text: 1 − CLIP similarity to the subject and to the painting."""
    if not all(texts.values()):
        return ""
    lines = [
        [method, f"{_mean(found, 'text'):.4f}", f"{_mean(found, 'painting'):.4f}", str(len(found))]
        for method, found in texts.items()
    ]
    return markdown_table(["pictures from text, CLIP distance", "to the text", "to the painting", "pictures"], lines)


def _mean(found: Sequence[Scores], name: str) -> float:
    return sum(scores[name] for scores in found) / len(found)

"""The tables of `benchmarks.gan_edits` in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.common.tables import markdown_table
from benchmarks.gan_edits.cases import BY_NAME, PAIRS
from benchmarks.gan_edits.scores import (
    INCREASED_TARGET,
    MIN_ACCURACY,
    MIN_INCREASE,
    PRESERVED_TARGET,
    EditScores,
    mean,
)
from benchmarks.gan_edits.upper_bound import BASELINES
from miniature.avatars import CHOICES

ATTRIBUTES_TARGET = 12


@dataclass
class Results:
    """All measurements.

    Attributes:
        scores: by method or baseline, then by edit.
        pairs: by method, then by text: number of avatars with neither attribute, and the share that has both after
            the edit.
        failed: edits that were not possible, with the reason.
        accuracy: accuracy of the classifier on held-out drawings, by attribute.
        balanced_accuracy: balanced accuracy of the classifier for the requested values, by edit.
    """

    scores: dict[str, dict[str, EditScores]] = field(default_factory=dict)
    pairs: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    accuracy: dict[str, float] = field(default_factory=dict)
    balanced_accuracy: dict[str, float] = field(default_factory=dict)

    def meeting_targets(self, scores: Mapping[str, EditScores]) -> list[str]:
        """Edits that meet both targets and that the classifier can evaluate."""
        return [
            name for name, one in scores.items() if one.meets_targets and self.balanced_accuracy[name] >= MIN_ACCURACY
        ]

    def metadata(self) -> dict[str, Any]:
        """For JSON."""
        meeting = {method: self.meeting_targets(scores) for method, scores in self.scores.items()}
        return asdict(self) | {"meeting_targets": meeting}


def report(results: Results, settings: Sequence[str], evaluated: Iterable[str], machine: Mapping[str, str]) -> str:
    """All tables and their explanation."""
    methods = [method for method in results.scores if method not in BASELINES]
    parts = ["# Edits by text, evaluated by an attribute classifier", *settings, _summary(results)]
    parts += _explanation(evaluated, results)
    for method in methods:
        parts += [f"## {method}", _table(results, results.scores[method])]
    if results.pairs:
        text = "Share of avatars with both attributes after the edit, of those that had neither."
        parts += ["## Two attributes in one text", text, _pair_table(results)]
    if results.failed:
        parts += ["## Edits that were not possible", "\n".join(f"- {line}" for line in results.failed)]
    parts.append("; ".join(f"{name} {value}" for name, value in machine.items()))
    return "\n\n".join(parts)


def averages(results: Results, scores: Mapping[str, EditScores]) -> list[str]:
    """Means over all edits in the order of `SUMMARY`."""
    every = list(scores.values())
    shares = [percent(mean([getattr(one, name) for one in every])) for name in ("increased", "success", "preserved")]
    meeting = f"{len(results.meeting_targets(scores))} of {len(scores)}"
    return [*shares, f"{mean([one.seconds for one in every]):.3f}", meeting]


def percent(share: float) -> str:
    return "–" if share != share else f"{share:.0%}"


SUMMARY = ("probability increased", "edit success", "preservation", "seconds per image", "edits meeting both targets")


def _summary(results: Results) -> str:
    rows = []
    for method, scores in results.scores.items():
        enough = "yes" if len(results.meeting_targets(scores)) >= ATTRIBUTES_TARGET else "no"
        rows.append([method, *averages(results, scores), enough if method not in BASELINES else ""])
    return markdown_table(["method", *SUMMARY, f"{ATTRIBUTES_TARGET} or more"], rows)


def _table(results: Results, scores: Mapping[str, EditScores]) -> str:
    rows = []
    for name, one in scores.items():
        accuracy = results.balanced_accuracy[name]
        met = (
            "yes" if name in results.meeting_targets(scores) else "no" if accuracy >= MIN_ACCURACY else "not evaluated"
        )
        shares = [percent(share) for share in (one.increased, one.success, one.preserved)]
        seconds = f"{one.seconds:.3f}"
        rows.append([name, BY_NAME[name].text, str(one.avatars), *shares, seconds, percent(accuracy), met])
    header = ["edit", "text", "avatars edited", *SUMMARY[:4], "classifier's balanced accuracy", "targets met"]
    return markdown_table(header, rows)


def _pair_table(results: Results) -> str:
    rows = []
    for text, names in PAIRS.items():
        cells = [pairs.get(text) for pairs in results.pairs.values()]
        avatars = next((str(cell[0]) for cell in cells if cell), "–")
        rows.append([text, " + ".join(names), avatars, *(percent(cell[1]) if cell else "–" for cell in cells)])
    return markdown_table(["text", "attributes", "avatars edited", *results.pairs], rows)


def _explanation(evaluated: Iterable[str], results: Results) -> list[str]:
    used = list(evaluated)
    accuracy = results.accuracy
    excluded = [f"{name} ({percent(accuracy.get(name, float('nan')))})" for name in CHOICES if name not in used]
    occluding = [f"{one.name} ({', '.join(one.occludes)})" for one in BY_NAME.values() if one.occludes]
    return [
        "Only avatars that do not have the requested attribute are edited. Probability increased: share of them whose "
        f"probability of the attribute increased by more than {MIN_INCREASE:g}. Edit success: share for which it is "
        "the most likely value after the edit. Preservation: share of the other attributes whose most likely value is "
        f"unchanged. Targets: {INCREASED_TARGET:.0%} probability increased, {PRESERVED_TARGET:.0%} preservation. "
        "Classifier's balanced accuracy: on drawings with and without the attribute; below "
        f"{MIN_ACCURACY:.0%} an edit is not evaluated.",
        "Controls: the same codes synthesized again (no edit; nothing may increase, everything must be preserved), and "
        "global directions with the channels' relevances shuffled (a step of the same size in a direction unrelated to "
        "the text).",
        "Fitted directions estimate the upper bound of a linear edit in StyleSpace: they are fitted to the "
        "classifier's own predictions, with movement along the other attributes penalised, and for each avatar the "
        "edit stops as soon as it succeeds or as soon as the probability increases. The methods have no access to the "
        "classifier.",
        f"Evaluated attributes: {', '.join(used) or 'none'}. Excluded because of too low accuracy on held-out "
        f"drawings: {', '.join(excluded) or 'none'}. Some edits occlude other attributes, which are counted "
        f"nevertheless: {'; '.join(occluding)}.",
    ]

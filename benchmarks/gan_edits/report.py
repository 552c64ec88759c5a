"""The tables of `benchmarks.gan_edits`, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.common.tables import markdown_table
from benchmarks.gan_edits.counts import REACH_KEPT, REACH_ROSE, RISE, WELL_READ, Counts, mean
from benchmarks.gan_edits.fitted import BESIDE
from benchmarks.gan_edits.texts import BY_NAME, PAIRS
from miniature.avatars import CHOICES

ATTRIBUTES_TO_REACH = 12


@dataclass
class Found:
    """What was measured.

    Attributes:
        counts: by method or control, then by attribute.
        pairs: by method, then by text: how many avatars had neither, and the share that shows both after the edit.
        failed: what could not be edited, with the reason.
        heads: share of held-back drawings that each choice is read rightly on.
        told: for each attribute how well drawings with and without it are told apart.
    """

    counts: dict[str, dict[str, Counts]] = field(default_factory=dict)
    pairs: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    heads: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    def reached(self, counts: Mapping[str, Counts]) -> list[str]:
        """Attributes where both shares are high enough, and which the classifier can tell."""
        return [name for name, found in counts.items() if found.reached and self.told[name] >= WELL_READ]

    def metadata(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"reached": {method: self.reached(found) for method, found in self.counts.items()}}


def report(found: Found, settings: Sequence[str], judged: Iterable[str], machine: Mapping[str, str]) -> str:
    """All tables and what they mean."""
    methods = [method for method in found.counts if method not in BESIDE]
    parts = ["# Edits by text, judged by an attribute classifier", *settings, _summary(found), *_meaning(judged, found)]
    for method in methods:
        parts += [f"## {method}", _table(found, found.counts[method])]
    if found.pairs:
        parts += ["## Two at once", "Share that shows both, of the avatars that had neither.", _pair_table(found)]
    if found.failed:
        parts += ["## Not made", "\n".join(f"- {line}" for line in found.failed)]
    parts.append("; ".join(f"{name} {value}" for name, value in machine.items()))
    return "\n\n".join(parts)


def averages(found: Found, counts: Mapping[str, Counts]) -> list[str]:
    """Of all attributes: raised, shown, kept, seconds, and how many reached what is wanted."""
    every = list(counts.values())
    shares = [percent(mean([getattr(one, name) for one in every])) for name in ("rose", "shown", "kept")]
    return [*shares, f"{mean([one.seconds for one in every]):.3f}", f"{len(found.reached(counts))} of {len(counts)}"]


def percent(share: float) -> str:
    return "–" if share != share else f"{share:.0%}"


SUMMARY = ("raised", "shows it", "others kept", "seconds", "attributes reached")


def _summary(found: Found) -> str:
    rows = []
    for method, counts in found.counts.items():
        wanted = method not in BESIDE
        enough = "yes" if len(found.reached(counts)) >= ATTRIBUTES_TO_REACH else "no"
        rows.append([method, *averages(found, counts), enough if wanted else ""])
    return markdown_table(["method", *SUMMARY, f"{ATTRIBUTES_TO_REACH} or more"], rows)


def _table(found: Found, counts: Mapping[str, Counts]) -> str:
    rows = []
    for name, one in counts.items():
        told = found.told[name]
        reach = "yes" if name in found.reached(counts) else "no" if told >= WELL_READ else "not judged"
        shares = [percent(share) for share in (one.rose, one.shown, one.kept)]
        cells = [name, BY_NAME[name].text, str(one.avatars), *shares, f"{one.seconds:.3f}", percent(told), reach]
        rows.append(cells)
    header = ["attribute", "text", "avatars without it", *SUMMARY[:3], "seconds a picture", "told", "reach"]
    return markdown_table(header, rows)


def _pair_table(found: Found) -> str:
    rows = []
    for text, names in PAIRS.items():
        cells = [made.get(text) for made in found.pairs.values()]
        avatars = next((str(cell[0]) for cell in cells if cell), "–")
        rows.append([text, " + ".join(names), avatars, *(percent(cell[1]) if cell else "–" for cell in cells)])
    return markdown_table(["text", "wanted", "avatars", *found.pairs], rows)


def _meaning(judged: Iterable[str], found: Found) -> list[str]:
    used = list(judged)
    left_out = [f"{name} ({percent(found.heads.get(name, float('nan')))})" for name in CHOICES if name not in used]
    hiding = [f"{one.name} ({', '.join(one.hides)})" for one in BY_NAME.values() if one.hides]
    return [
        f"Raised: the probability of what is asked for rose by more than {RISE:g}. Shows it: it is now the likeliest. "
        "Others kept: choices of the avatar, other than the one asked for, whose likeliest value is as before. All "
        f"over avatars that did not show it before. Reach: {REACH_ROSE:.0%} raised, {REACH_KEPT:.0%} kept. Told: "
        "drawings with and without it that the classifier tells rightly (mean of both shares); under "
        f"{WELL_READ:.0%} nothing is judged.",
        "Controls: the same codes drawn again (nothing may rise, all must be kept), and global directions whose "
        "channels were given each other's relevance (as far a way, in no direction that the text names).",
        "Fitted: what a straight way in StyleSpace can hardly surpass. Its directions are fitted to the classifier "
        "itself, away from the other choices, and it stops each avatar as soon as what is asked for is the likeliest, "
        "or as soon as its probability rises: no method may know either.",
        f"Judged by: {', '.join(used) or 'none'}. Read rightly on too few held-back drawings, and left out: "
        f"{', '.join(left_out) or 'none'}. Some edits hide other choices, which are counted all the same: "
        f"{'; '.join(hiding)}.",
    ]

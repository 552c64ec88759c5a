"""The same avatars edited by every method and judged, for `benchmarks.gan_edits`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from benchmarks.common.tables import markdown_table
from benchmarks.gan_edits.attributes import AttributeReader, accuracy
from benchmarks.gan_edits.counts import Counts, Reading, count, count_pair, read, read_rightly, rows_of, shows
from benchmarks.gan_edits.editing import Editing
from benchmarks.gan_edits.fitted import BESIDE, CEILINGS, FittedDirections
from benchmarks.gan_edits.report import SUMMARY, Found, averages
from benchmarks.gan_edits.saved import Kept
from benchmarks.gan_edits.sheets import INPUT, SHOWN
from benchmarks.gan_edits.texts import BY_NAME, PAIRS, Asked
from inst.errors import ConfigError
from inst.shapes import Image, WPlus
from miniature.avatars.data.dataset import Crowd

SEED = 100_000
"""Of the first avatar: no trainer's codes, which begin at 0, are among them."""
PAIR_METHODS = ("directions", "ffclip")
ALPHAS, BETAS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0), (None, 0.05, 0.1, 0.15, 0.2)
STRENGTHS, STEPS = (0.5, 0.75, 1.0, 1.5, 2.0), (25, 50, 100, 200)
SWEEPS: dict[str, list[dict[str, Any]]] = {
    "directions": [{"alpha": alpha, "beta": beta} for beta, alpha in itertools.product(BETAS, ALPHAS)],
    "ffclip": [{"strength": strength} for strength in STRENGTHS],
    "optimize": [{"steps": steps} for steps in STEPS],
    "mapper": [{"strength": strength} for strength in STRENGTHS],
}
Rows = Int[Tensor, " r"]


@dataclass(frozen=True)
class Made:
    """Edited pictures, what the classifier sees in them, and the seconds each took."""

    pictures: Image
    reading: Reading
    seconds: float


class Trial:
    """Every edit is made of the avatars that do not show what is asked for.

    Args:
        well: share of held-back drawings that a choice must be read rightly on, to be judged by.
        fitted: avatars that `FittedDirections` learn from.
    """

    def __init__(
        self, editing: Editing, reader: AttributeReader, crowd: Crowd, count: int, well: float, fitted: int = 6000
    ) -> None:
        heads = {name: share for name, (share, _) in accuracy(reader, crowd).items()}
        drawings = read(reader, crowd.pictures(crowd.held))
        told = {name: read_rightly(asked, drawings, crowd) for name, asked in BY_NAME.items()}
        self.found = Found(heads=heads, told=told)
        self.judged = [name for name, share in heads.items() if share >= well]
        self.editing, self.reader = editing, reader.to(editing.session.placement.device)
        self.codes = editing.avatars(count, SEED)
        self.pictures = editing.unedited(self.codes)
        self.before = read(self.reader, self.pictures)
        self.ceiling = FittedDirections(editing, self.reader, self.judged, fitted)

    def run(
        self, methods: Sequence[str], asked: Sequence[Asked], *, pairs: bool, kept: Kept | None = None
    ) -> dict[str, dict[str, Image]]:
        """Measure everything into `found`; pictures for the sheets, by attribute and what made them.

        Args:
            kept: where each measurement is written, and taken from where it is there already.
        """
        sheets = {one.name: {INPUT: self.pictures[self._lacking(one)[:SHOWN]]} for one in asked}
        for method, one in itertools.product(methods, asked):
            if (measured := self._kept_or_measured(method, one, kept)) is not None:
                counts, pictures = measured
                self.found.counts.setdefault(method, {})[one.name] = counts
                if method not in BESIDE:
                    sheets[one.name][method] = pictures
                shares = f"raised {counts.rose:.2f} shown {counts.shown:.2f} kept {counts.kept:.2f}"
                print(f"{method}, {one.name}, {counts.avatars}: {shares}, {counts.seconds:.3f} s", flush=True)
        for method in PAIR_METHODS if pairs else ():
            if method in methods:
                self.found.pairs[method] = self._measure_pairs(method)
        return {name: shown for name, shown in sheets.items() if len(shown[INPUT])}

    def tune(self, method: str, asked: Sequence[Asked]) -> str:
        """Averages over all texts for each of the settings of `SWEEPS`; texts that cannot be edited are left out."""
        rows = []
        for settings in SWEEPS[method]:
            measured = {one.name: self._measure(method, one, **settings) for one in asked}
            counts = {name: found[0] for name, found in measured.items() if found is not None}
            named = ", ".join(f"{name} {'auto' if value is None else value}" for name, value in settings.items())
            rows.append([named, *averages(self.found, counts)])
            print(method, *rows[-1], flush=True)
        return markdown_table([method, *SUMMARY], rows)

    def _kept_or_measured(self, method: str, asked: Asked, kept: Kept | None) -> tuple[Counts, Image] | None:
        """As `_measure`, and at once where it was measured before."""
        found = kept.read(method, asked.name) if kept else None
        if found is None:
            found = self._measure(method, asked)
            if kept and found:
                kept.write(method, asked.name, *found)
        return found

    def _measure(self, method: str, asked: Asked, **settings: Any) -> tuple[Counts, Image] | None:
        """One method's edits for one text, and the first pictures."""
        rows = self._lacking(asked)
        edit = partial(self.editing.edit, method, asked.text, **settings)
        if method in CEILINGS:
            edit = partial(self.ceiling.edit, method, asked)
        made = self._edit(method, asked.text, rows, edit)
        if made is None:
            return None
        counts = count(asked, rows_of(self.before, rows), made.reading, self.judged, made.seconds)
        return counts, made.pictures[:SHOWN]

    def _measure_pairs(self, method: str) -> dict[str, tuple[int, float]]:
        """For each text of two things how many avatars had neither, and the share of them that then shows both."""
        found = {}
        for text, names in PAIRS.items():
            asked = [BY_NAME[name] for name in names]
            rows = self._lacking(*asked)
            if (made := self._edit(method, text, rows, partial(self.editing.edit, method, text))) is not None:
                found[text] = (len(rows), count_pair(asked, made.reading))
        return found

    def _lacking(self, *asked: Asked) -> Rows:
        """The avatars that show none of it."""
        return torch.stack([~shows(one, self.before) for one in asked]).all(0).nonzero()[:, 0]

    def _edit(self, method: str, text: str, rows: Rows, edit: Callable[[WPlus], tuple[Image, float]]) -> Made | None:
        """Nothing where no avatar lacks it, or where the method has no way to this text, which is written down."""
        if not len(rows):
            self.found.failed.append(f"{method}, {text!r}: all avatars show it already")
            return None
        try:
            pictures, seconds = edit(self.codes[rows])
        except ConfigError as error:
            self.found.failed.append(f"{method}, {text!r}: {error}")
            return None
        return Made(pictures, read(self.reader, pictures), seconds)

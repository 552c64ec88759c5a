"""The same avatars edited with every method and evaluated, for `benchmarks.gan_edits`."""

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
from benchmarks.gan_edits.cache import MeasurementCache
from benchmarks.gan_edits.cases import BY_NAME, PAIRS, EditCase
from benchmarks.gan_edits.classifier import AttributeClassifier, accuracy
from benchmarks.gan_edits.report import SUMMARY, Results, averages
from benchmarks.gan_edits.runner import EditRunner
from benchmarks.gan_edits.scores import (
    EditScores,
    Predictions,
    balanced_accuracy,
    has_target,
    pair_success,
    predict,
    score_edit,
    select_rows,
)
from benchmarks.gan_edits.sheets import INPUT, NUM_SHOWN
from benchmarks.gan_edits.upper_bound import BASELINES, UPPER_BOUNDS, FittedDirections
from inst.errors import ConfigError
from inst.shapes import Image, WPlus
from miniature.avatars.data.dataset import AvatarDataset

SEED = 100_000
"""Of the first avatar; training starts at seed 0, so no trained code is among those evaluated."""
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
class EditedImages:
    """Edited images, the classifier's predictions for them, and the seconds per image."""

    images: Image
    predictions: Predictions
    seconds: float


class Trial:
    """Every edit is applied to the avatars that do not have the requested attribute.

    Args:
        min_accuracy: accuracy on held-out drawings that an attribute needs to be evaluated.
        fitted: number of avatars for `FittedDirections`.
    """

    def __init__(
        self, runner: EditRunner, classifier: AttributeClassifier, dataset: AvatarDataset, count: int,
        min_accuracy: float, fitted: int = 6000,
    ) -> None:  # fmt: skip
        accuracies = {name: share for name, (share, _) in accuracy(classifier, dataset).items()}
        drawings = predict(classifier, dataset.images(dataset.held_out))
        balanced = {name: balanced_accuracy(case, drawings, dataset) for name, case in BY_NAME.items()}
        self.results = Results(accuracy=accuracies, balanced_accuracy=balanced)
        self.evaluated = [name for name, share in accuracies.items() if share >= min_accuracy]
        self.runner, self.classifier = runner, classifier.to(runner.session.placement.device)
        self.codes = runner.avatars(count, SEED)
        self.images = runner.unedited(self.codes)
        self.before = predict(self.classifier, self.images)
        self.upper_bound = FittedDirections(runner, self.classifier, self.evaluated, fitted)

    def run(
        self, methods: Sequence[str], cases: Sequence[EditCase], *, pairs: bool, cache: MeasurementCache | None = None
    ) -> dict[str, dict[str, Image]]:
        """Measure everything into `results`; returns images for the contact sheets, by edit and method.

        Args:
            cache: each measurement is written there, and read from there if it exists already.
        """
        sheets = {case.name: {INPUT: self.images[self._without(case)[:NUM_SHOWN]]} for case in cases}
        for method, case in itertools.product(methods, cases):
            if (measured := self._cached_or_measured(method, case, cache)) is not None:
                scores, images = measured
                self.results.scores.setdefault(method, {})[case.name] = scores
                if method not in BASELINES:
                    sheets[case.name][method] = images
                shares = (
                    f"increased {scores.increased:.2f} success {scores.success:.2f} preserved {scores.preserved:.2f}"
                )
                print(f"{method}, {case.name}, {scores.avatars}: {shares}, {scores.seconds:.3f} s", flush=True)
        for method in PAIR_METHODS if pairs else ():
            if method in methods:
                self.results.pairs[method] = self._measure_pairs(method)
        return {name: sheet for name, sheet in sheets.items() if len(sheet[INPUT])}

    def tune(self, method: str, cases: Sequence[EditCase]) -> str:
        """Means over all texts for each setting of `SWEEPS`; texts that cannot be edited are left out."""
        rows = []
        for settings in SWEEPS[method]:
            measured = {case.name: self._measure(method, case, **settings) for case in cases}
            scores = {name: one[0] for name, one in measured.items() if one is not None}
            label = ", ".join(f"{name} {'auto' if value is None else value}" for name, value in settings.items())
            rows.append([label, *averages(self.results, scores)])
            print(method, *rows[-1], flush=True)
        return markdown_table([method, *SUMMARY], rows)

    def _cached_or_measured(
        self, method: str, case: EditCase, cache: MeasurementCache | None
    ) -> tuple[EditScores, Image] | None:
        """The result of `_measure`, from the cache if it is there."""
        measured = cache.read(method, case.name) if cache else None
        if measured is None:
            measured = self._measure(method, case)
            if cache and measured:
                cache.write(method, case.name, *measured)
        return measured

    def _measure(self, method: str, case: EditCase, **settings: Any) -> tuple[EditScores, Image] | None:
        """One method's edits for one text, and the first images."""
        rows = self._without(case)
        edit = partial(self.runner.edit, method, case.text, **settings)
        if method in UPPER_BOUNDS:
            edit = partial(self.upper_bound.edit, method, case)
        edited = self._edit(method, case.text, rows, edit)
        if edited is None:
            return None
        before = select_rows(self.before, rows)
        return score_edit(case, before, edited.predictions, self.evaluated, edited.seconds), edited.images[:NUM_SHOWN]

    def _measure_pairs(self, method: str) -> dict[str, tuple[int, float]]:
        """For each text with two attributes, the number of avatars with neither and the share that then has both."""
        measured = {}
        for text, names in PAIRS.items():
            cases = [BY_NAME[name] for name in names]
            rows = self._without(*cases)
            if (edited := self._edit(method, text, rows, partial(self.runner.edit, method, text))) is not None:
                measured[text] = (len(rows), pair_success(cases, edited.predictions))
        return measured

    def _without(self, *cases: EditCase) -> Rows:
        """Indices of the avatars that have none of the requested attributes."""
        return torch.stack([~has_target(case, self.before) for case in cases]).all(0).nonzero()[:, 0]

    def _edit(
        self, method: str, text: str, rows: Rows, edit: Callable[[WPlus], tuple[Image, float]]
    ) -> EditedImages | None:
        """``None``, with a note in the results, if no avatar lacks the attribute or the method cannot make the edit."""
        if not len(rows):
            self.results.failed.append(f"{method}, {text!r}: all avatars have the attribute already")
            return None
        try:
            images, seconds = edit(self.codes[rows])
        except ConfigError as error:
            self.results.failed.append(f"{method}, {text!r}: {error}")
            return None
        return EditedImages(images, predict(self.classifier, images), seconds)

"""Upper bound of linear edits in StyleSpace: directions fitted to the classifier's own predictions.

The evaluated methods have no access to the classifier; these directions are fitted to it, and their strength is chosen
for each avatar by its predictions. A global direction of this generator, however chosen, can hardly do better.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.gan_edits.cases import EditCase
from benchmarks.gan_edits.classifier import AttributeClassifier
from benchmarks.gan_edits.runner import CONTROLS, EditRunner
from benchmarks.gan_edits.scores import MIN_INCREASE, Predictions, predict, target_probability
from inst.gan.codes import Codes, to_rgb_styles
from inst.gan.editor import synthesis_fn
from inst.gan.styleclip.directions import move
from inst.shapes import Image, WPlus

UNTIL_SUCCESS, UNTIL_INCREASED = "fitted direction, until success", "fitted direction, until increased"
UPPER_BOUNDS = (UNTIL_SUCCESS, UNTIL_INCREASED)
"""Each avatar is edited until the attribute is the most likely one, or until its probability has increased."""
BASELINES = (*CONTROLS, *UPPER_BOUNDS)
"""Rows of the tables that are not methods."""
SEED = 500_000
"""Of the avatars that the directions are fitted to; evaluation uses other ones."""
ALPHAS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
RIDGE, PRESERVE = 0.5, 10.0
"""Ridge penalty, in units of a channel's variance; penalty on movement along the other attributes."""
MIN_PROBABILITY = 1e-4


@dataclass
class FittedDirections:
    """Ridge regression of the attributes' log-probabilities on StyleSpace, without to-RGB styles.

    Attributes:
        evaluated: attributes that should be preserved.
        count: number of avatars that the directions are fitted to.
    """

    runner: EditRunner
    classifier: AttributeClassifier
    evaluated: Collection[str]
    count: int = 6000
    _fitted: tuple[Tensor, Tensor, Predictions] | None = field(default=None, init=False)

    @torch.no_grad()
    def edit(self, stop: str, case: EditCase, codes: WPlus) -> tuple[Image, float]:
        """The edited images, and the seconds per image.

        Args:
            stop: one of `UPPER_BOUNDS`.
        """
        started = time.perf_counter()
        direction = self._direction(case)
        images = torch.cat([self._search(stop, case, part, direction) for part in codes.split(self.runner.batch)])
        return images, (time.perf_counter() - started) / len(codes)

    def _search(self, stop: str, case: EditCase, codes: WPlus, direction: Codes) -> Image:
        """Edit each code with the smallest of `ALPHAS` that suffices, or with the best one if none does."""
        generator = self.runner.session.generator
        styles, synthesize = generator.styles(codes), synthesis_fn(generator)
        steps = [synthesize(move(styles, direction, alpha)).clamp(-1, 1) for alpha in ALPHAS]
        after = torch.stack([target_probability(case, predict(self.classifier, images)) for images in steps])
        before = target_probability(case, predict(self.classifier, synthesize(styles).clamp(-1, 1)))
        enough = after >= 0.5 if stop == UNTIL_SUCCESS else after - before > 2 * MIN_INCREASE
        chosen = torch.where(enough.any(0), enough.int().argmax(0), after.argmax(0))
        return torch.stack([steps[step][row].cpu() for row, step in enumerate(chosen.tolist())])

    def _direction(self, case: EditCase) -> Codes:
        """At strength 1 the log-odds of the attribute increase by one standard deviation, according to the fit."""
        styles, deviations, predictions = self._fit()
        target = target_probability(case, predictions).clamp(MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        others = [
            predictions[name].clamp(min=MIN_PROBABILITY).log() for name in self.evaluated if name != case.attribute
        ]
        targets = torch.cat([(target / (1 - target)).log()[:, None], *others], 1).to(styles)
        targets = (targets - targets.mean(0)) / targets.std(0).clamp(min=1e-3)
        covariance = styles.T @ styles / len(styles)
        weights = torch.linalg.solve(covariance + RIDGE * torch.eye(len(covariance)).to(styles), styles.T @ targets)
        weights /= len(styles)
        wanted, avoided = weights[:, 0], weights[:, 1:]
        direction = torch.linalg.solve(torch.eye(len(wanted)).to(styles) + PRESERVE * avoided @ avoided.T, wanted)
        direction = direction / (direction @ wanted) * deviations
        return list(direction.split(self.runner.session.generator.config.style_widths))

    def _fit(self) -> tuple[Float[Tensor, "n channels"], Float[Tensor, " channels"], Predictions]:
        """Standardised styles, standard deviations (0 for channels that do not move), and predictions."""
        if self._fitted is None:
            generator, batch = self.runner.session.generator, self.runner.batch
            parts, predictions = [], []
            for codes in self.runner.avatars(self.count, SEED).split(batch):
                styles = generator.styles(codes)
                parts.append(torch.cat(styles, 1))
                predictions.append(predict(self.classifier, synthesis_fn(generator)(styles).clamp(-1, 1)))
            styles = torch.cat(parts)
            widths = generator.config.style_widths
            frozen = to_rgb_styles(len(widths))
            moves = torch.cat([torch.full((width,), float(i not in frozen)) for i, width in enumerate(widths)])
            moves, deviations = moves.to(styles), styles.std(0)
            standardised = (styles - styles.mean(0)) * moves / deviations.clamp(min=1e-6)
            merged = {name: torch.cat([one[name] for one in predictions]) for name in predictions[0]}
            self._fitted = standardised, deviations * moves, merged
        return self._fitted

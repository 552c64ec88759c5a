"""Scores of edits: success and preservation, from the attribute classifier's predictions before and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.gan_edits.cases import EditCase
from benchmarks.gan_edits.classifier import SIDE, AttributeClassifier
from inst.image import resize
from inst.shapes import Image
from miniature.avatars import CHOICES
from miniature.avatars.data.dataset import HIDDEN, AvatarDataset

MIN_INCREASE = 0.01
"""Smaller increases of a probability do not count: images from another batch differ in their last digits."""
MIN_ACCURACY = 0.8
"""Accuracy on held-out drawings that an attribute needs to be evaluated."""
INCREASED_TARGET, PRESERVED_TARGET = 0.9, 0.85
Predictions = Mapping[str, Float[Tensor, "b _"]]
"""Probabilities of the values of every attribute."""


def predict(classifier: AttributeClassifier, images: Image) -> Predictions:
    """The classifier's predictions for images in [-1, 1] of any size."""
    device = next(classifier.parameters()).device
    small = resize(images.float(), SIDE, SIDE).to(device)
    return {name: probabilities.cpu() for name, (_, probabilities) in classifier.predict(small).items()}


def select_rows(predictions: Predictions, rows: Tensor) -> Predictions:
    """The predictions for some of the images."""
    return {name: probabilities[rows] for name, probabilities in predictions.items()}


def target_probability(case: EditCase, predictions: Predictions) -> Float[Tensor, " b"]:
    """Probability that the attribute has one of the requested values."""
    return predictions[case.attribute][:, case.indices].sum(1)


def has_target(case: EditCase, predictions: Predictions) -> Bool[Tensor, " b"]:
    """Whether the most likely value is one of those requested."""
    return torch.isin(predictions[case.attribute].argmax(1), torch.tensor(case.indices))


@dataclass(frozen=True)
class EditScores:
    """Scores of one method's edits for one text.

    Attributes:
        avatars: number of edited avatars: those without the requested attribute.
        increased: share whose probability of it increased by more than `MIN_INCREASE`.
        success: share for which it is the most likely value after the edit.
        preserved_by_attribute: for every other attribute, the share whose most likely value is unchanged.
        seconds: per image.
    """

    avatars: int
    increased: float
    success: float
    preserved_by_attribute: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def preserved(self) -> float:
        """Mean over the other attributes."""
        return mean(list(self.preserved_by_attribute.values()))

    @property
    def meets_targets(self) -> bool:
        return self.increased >= INCREASED_TARGET and self.preserved >= PRESERVED_TARGET


def score_edit(
    case: EditCase, before: Predictions, after: Predictions, evaluated: Collection[str], seconds: float = 0.0
) -> EditScores:
    """Compare predictions before and after editing avatars that did not have the requested attribute."""
    others = [name for name in CHOICES if name in evaluated and name != case.attribute]
    preserved = {name: _share(before[name].argmax(1) == after[name].argmax(1)) for name in others}
    increased = _share(target_probability(case, after) - target_probability(case, before) > MIN_INCREASE)
    success = _share(has_target(case, after))
    return EditScores(len(after[case.attribute]), increased, success, preserved, seconds)


def pair_success(cases: Sequence[EditCase], after: Predictions) -> float:
    """Share of avatars that have all requested attributes."""
    return _share(torch.stack([has_target(case, after) for case in cases]).all(0))


def balanced_accuracy(case: EditCase, predictions: Predictions, dataset: AvatarDataset) -> float:
    """Balanced accuracy of the classifier on held-out drawings with and without the requested attribute."""
    labels = dataset.choices(dataset.held_out)[:, list(CHOICES).index(case.attribute)]
    visible = labels != HIDDEN
    predicted = has_target(case, predictions)[visible]
    actual = torch.isin(labels, torch.tensor(case.indices))[visible]
    return mean([_share(predicted[actual]), _share(~predicted[~actual])])


def mean(values: Sequence[float]) -> float:
    """The mean; NaN without values."""
    return sum(values) / len(values) if values else float("nan")


def _share(true: Tensor) -> float:
    return float(true.float().mean()) if len(true) else float("nan")

"""Did an edit do what was asked, and nothing else? Counted on what the attribute classifier says before and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.gan_edits.attributes import SIDE, AttributeReader
from benchmarks.gan_edits.texts import Asked
from inst.image import resize
from inst.shapes import Image
from miniature.avatars import CHOICES
from miniature.avatars.data.dataset import UNSEEN, Crowd

RISE = 0.01
"""A probability that rises by less did not: pictures drawn in another batch differ in their last digits."""
WELL_READ = 0.8
"""Share of held-back drawings that a choice is read rightly on, to be judged by it."""
REACH_ROSE, REACH_KEPT = 0.9, 0.85
Reading = Mapping[str, Float[Tensor, "b _"]]
"""Probabilities of every choice's values."""


def read(reader: AttributeReader, pictures: Image) -> Reading:
    """What the classifier sees in pictures in [-1, 1] of any size."""
    device = next(reader.parameters()).device
    small = resize(pictures.float(), SIDE, SIDE).to(device)
    return {name: shares.cpu() for name, (_, shares) in reader.read_attributes(small).items()}


def rows_of(reading: Reading, rows: Tensor) -> Reading:
    """Of some of the pictures."""
    return {name: shares[rows] for name, shares in reading.items()}


def chance(asked: Asked, reading: Reading) -> Float[Tensor, " b"]:
    """Probability that what is asked for is there."""
    return reading[asked.head][:, asked.indices].sum(1)


def shows(asked: Asked, reading: Reading) -> Bool[Tensor, " b"]:
    """Whether the likeliest value is one of those asked for."""
    return torch.isin(reading[asked.head].argmax(1), torch.tensor(asked.indices))


@dataclass(frozen=True)
class Counts:
    """One method's edits for one text.

    Attributes:
        avatars: how many were edited, all those without it.
        rose: share whose probability of it rose by more than `RISE`.
        shown: share where it is now the likeliest.
        kept_by_head: for each other choice the share whose likeliest value is as before.
        seconds: per picture.
    """

    avatars: int
    rose: float
    shown: float
    kept_by_head: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def kept(self) -> float:
        """Mean over the other choices."""
        return mean(list(self.kept_by_head.values()))

    @property
    def reached(self) -> bool:
        return self.rose >= REACH_ROSE and self.kept >= REACH_KEPT


def count(asked: Asked, before: Reading, after: Reading, judged: Collection[str], seconds: float = 0.0) -> Counts:
    """Compare two readings of the same avatars, none of which had what is asked for."""
    others = [name for name in CHOICES if name in judged and name != asked.head]
    kept = {name: _share(before[name].argmax(1) == after[name].argmax(1)) for name in others}
    rose = _share(chance(asked, after) - chance(asked, before) > RISE)
    return Counts(len(after[asked.head]), rose, _share(shows(asked, after)), kept, seconds)


def count_pair(asked: Sequence[Asked], after: Reading) -> float:
    """Share of avatars that show all that is asked for."""
    return _share(torch.stack([shows(one, after) for one in asked]).all(0))


def read_rightly(asked: Asked, reading: Reading, crowd: Crowd) -> float:
    """How well the classifier tells drawings that have it from those that do not: the mean of both shares."""
    right = crowd.choices(crowd.held)[:, list(CHOICES).index(asked.head)]
    seen = right != UNSEEN
    found, there = shows(asked, reading)[seen], torch.isin(right, torch.tensor(asked.indices))[seen]
    return mean([_share(found[there]), _share(~found[~there])])


def mean(values: Sequence[float]) -> float:
    """NaN of none."""
    return sum(values) / len(values) if values else float("nan")


def _share(true: Tensor) -> float:
    return float(true.float().mean()) if len(true) else float("nan")

"""How several styles are mixed: the one rule that conditioning, tone and patch transport share.

Styles that stand for the same placeholder are mixed by weight. Where the weights of several sum to more than 1 they are
divided by their sum, so that two styles without weights take half each, and the same style twice is that style. Where
they sum to less than 1, the remainder goes to the prompt without a style. A single style may have a weight of up to 2,
which exaggerates it. The total strength is the product of the sums over the placeholders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Weighted(Protocol):
    """Anything with a placeholder and a weight."""

    @property
    def placeholder(self) -> str: ...
    @property
    def weight(self) -> float: ...


@dataclass(frozen=True)
class Mixture:
    """The result of the rule.

    Attributes:
        weights: one for each style, in the order given.
        strength: the total, 1 for styles that are fully applied.
    """

    weights: tuple[float, ...]
    strength: float


def mixture(styles: Sequence[Weighted]) -> Mixture:
    """Apply the rule of this module.

    >>> from inst.transfer.prompts import WeightedVectors
    >>> import torch
    >>> a, b = (WeightedVectors(torch.ones(1, 4), weight=weight) for weight in (1.0, 1.0))
    >>> mixture([a, b])
    Mixture(weights=(0.5, 0.5), strength=1.0)
    """
    groups: dict[str, list[float]] = {}
    for style in styles:
        groups.setdefault(style.placeholder, []).append(style.weight)
    scale = {name: sum(weights) if len(weights) > 1 and sum(weights) > 1 else 1.0 for name, weights in groups.items()}
    totals = [sum(weights) / scale[name] for name, weights in groups.items()]
    return Mixture(tuple(style.weight / scale[style.placeholder] for style in styles), math.prod(totals))


def weighted_mean(weighted: Sequence[tuple[float, Tensor]]) -> Tensor:
    """The mean by weight. For quantiles on a line it is the barycentre (Bonneel et al. 2015, section 3)."""
    total = sum(weight for weight, _ in weighted) or 1.0
    return torch.stack([weight * value for weight, value in weighted]).sum(0) / total

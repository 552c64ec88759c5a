"""Procedural styles: name, words for captions, ranges of parameters, and the rendering function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from miniature.painting.filters import Array, Rng

Params = dict[str, Any]
Renderer = Callable[[Array, Params, Rng], Array]


@dataclass(frozen=True, kw_only=True)
class Style:
    """One procedural style.

    Args:
        words: names in captions, one of which is chosen at random.
        ranges: parameter name to (low, high) floats, (low, high) ints or a list of choices.
        held_out: excluded from training.
        keep: probability that a variant keeps the photo's own colours.
    """

    name: str
    paint: Renderer
    words: tuple[str, ...]
    ranges: dict[str, Any]
    held_out: bool = False
    keep: float = 0.15

    def sample_params(self, rng: Rng) -> Params:
        """Random parameters of a variant."""
        return {key: _sample(value, rng) for key, value in self.ranges.items()}


def _sample(value: Any, rng: Rng) -> Any:
    if isinstance(value, list):
        return value[int(rng.integers(len(value)))]
    low, high = value
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(rng.uniform(low, high))


REGISTERED: dict[str, Style] = {}


def style(*words: str, held_out: bool = False, keep: float = 0.15, **ranges: Any) -> Callable[[Renderer], Renderer]:
    """Register a rendering function under its name."""

    def register(paint: Renderer) -> Renderer:
        REGISTERED[paint.__name__] = Style(
            name=paint.__name__, paint=paint, words=words, ranges=ranges, held_out=held_out, keep=keep
        )
        return paint

    return register

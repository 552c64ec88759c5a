"""What a procedural style is: a name, its words, how its parameters are drawn, and the painter itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from miniature.painting.filters import Array, Rng

Params = dict[str, Any]
Painter = Callable[[Array, Params, Rng], Array]


@dataclass(frozen=True, kw_only=True)
class Style:
    """One procedural style.

    Args:
        words: what captions call it, one drawn at random.
        ranges: parameter name to (low, high) floats, (low, high) ints or a list of choices.
        held: never trained on.
        keep: chance that a manner leaves the photo its own colours.
    """

    name: str
    paint: Painter
    words: tuple[str, ...]
    ranges: dict[str, Any]
    held: bool = False
    keep: float = 0.15

    def draw(self, rng: Rng) -> Params:
        """Parameters of one manner."""
        return {key: _draw(value, rng) for key, value in self.ranges.items()}


def _draw(value: Any, rng: Rng) -> Any:
    if isinstance(value, list):
        return value[int(rng.integers(len(value)))]
    low, high = value
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(rng.uniform(low, high))


REGISTERED: dict[str, Style] = {}


def style(*words: str, held: bool = False, keep: float = 0.15, **ranges: Any) -> Callable[[Painter], Painter]:
    """Register a painter under its function's name."""

    def register(paint: Painter) -> Painter:
        REGISTERED[paint.__name__] = Style(
            name=paint.__name__, paint=paint, words=words, ranges=ranges, held=held, keep=keep
        )
        return paint

    return register

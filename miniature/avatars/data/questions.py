"""Zero-shot questions about an avatar: several texts each, of which the most similar one is the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from miniature.avatars.data.attributes import CHOICES, Attributes, eyes_visible


@dataclass(frozen=True)
class Question:
    """A question about one attribute.

    Args:
        texts: answers by text; several texts can have the same answer.
        answer: the correct answer, or ``None`` for avatars to which the question does not apply.
    """

    texts: Mapping[str, str]
    answer: Callable[[Attributes], str | None]


def _plain(form: str, options: tuple[str, ...]) -> dict[str, str]:
    return {form.format(option): option for option in options}


def _has(thing: str) -> dict[str, str]:
    return {f"a face with {thing}": "yes", f"a face without {thing}": "no"}


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"


def _hair(a: Attributes) -> str | None:
    return None if a.cut == "bald" else "grey" if a.hair == "white" else a.hair


def _cut(a: Attributes) -> str | None:
    return a.cut if a.hat == "none" else None


HAIR = tuple(colour for colour in CHOICES["hair"] if colour != "white")
CUTS = {
    "short hair": "short", "a bowl cut": "bowl", "a bob": "bob", "long hair": "long", "curly hair": "curly",
    "an afro": "afro", "a mohawk": "mohawk", "hair in a bun": "bun", "a ponytail": "ponytail",
    "a bald head": "bald",
}  # fmt: skip
MOUTHS = {"a smile": "yes", "a neutral expression": "no", "a sad mouth": "no", "a round open mouth": "no"}
QUESTIONS: dict[str, Question] = {
    "figure": Question(_plain("a {}", ("woman", "man")), lambda a: a.figure),
    "glasses": Question(_has("glasses"), lambda a: _yes(a.glasses != "none")),
    # a crown is not called a hat
    "hat": Question(_has("a hat"), lambda a: None if a.hat == "crown" else _yes(a.hat != "none")),
    # stubble or a moustache alone is ambiguous
    "beard": Question(
        _has("a beard"), lambda a: None if a.beard in ("stubble", "moustache") else _yes(a.beard != "none")
    ),
    "hair colour": Question(_plain("{} hair", HAIR), _hair),
    "smile": Question(MOUTHS, lambda a: None if a.mouth == "open" else _yes(a.mouth in ("smile", "grin"))),
    "cut": Question(CUTS, _cut),
    "age": Question(_plain("a face of a {} person", ("young", "old")), lambda a: None if a.age == "adult" else a.age),
    "skin": Question(
        {"pale skin": "light", "fair skin": "light", "olive skin": "tan", "tan skin": "tan", "dark skin": "dark"},
        lambda a: {"pale": "light", "fair": "light", "brown": "dark", "dark": "dark"}.get(a.skin, "tan"),
    ),
    "eyes": Question(_plain("{} eyes", tuple(CHOICES["eyes"])), lambda a: a.eyes if eyes_visible(a) else None),
    "kind of glasses": Question(
        {"sunglasses": "sunglasses", "round glasses": "round", "square glasses": "square"},
        lambda a: None if a.glasses == "none" else a.glasses,
    ),
    "kind of hat": Question(
        _plain("a {}", ("cap", "beanie", "straw hat", "crown")), lambda a: None if a.hat == "none" else a.hat
    ),
    "earrings": Question(_has("earrings"), lambda a: _yes(a.earrings != "none")),
    "clothes": Question(_plain("a {}", tuple(CHOICES["clothes"])), lambda a: a.clothes),
    "freckles": Question(_has("freckles"), lambda a: _yes(a.freckles == "yes")),
}
"""The first six are the most common edits."""

"""What FFCLIP learns of avatars: every word that captions have for one thing, one thing a prompt.

Two things never stand together, so that any pair of them is new to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from miniature.avatars.attributes import CHOICES
from miniature.avatars.words import (
    CLOTHES_WORDS,
    CUT_WORDS,
    EARRING_WORDS,
    GLASSES_WORDS,
    HAIR_WORDS,
    HAT_WORDS,
    MOODS,
    MOUTH_WORDS,
    SKIN_WORDS,
)
from miniature.things import with_article

BEARDS = ("stubble", "a moustache", "a goatee", "a beard", "a full beard")
MARKS = ("freckles", "rosy cheeks", "a frown", "wrinkles", "a bald head", "closed eyes", "wide open eyes")
SUBJECTS = ("an old face", "a young face", "a woman", "a man", "a bald face")


def prompts() -> list[str]:
    """All of them, none twice, in a fixed order."""
    has = [*_hair(), *_named(SKIN_WORDS), *_eyes(), *_named(MOUTH_WORDS), *BEARDS, *MARKS, "red lips", "pink lips"]
    worn = [*_named(GLASSES_WORDS), *_named(HAT_WORDS), *_named(EARRING_WORDS)]
    moods = [f"{with_article(mood)} face" for mood in _named(MOODS)]
    dressed = [f"a person wearing {garment}" for garment in _clothes()]
    every = [*(f"a face with {thing}" for thing in (*has, *worn)), *moods, *SUBJECTS, *dressed]
    return list(dict.fromkeys(every))


def _named(table: dict[str, tuple[str, ...]]) -> Iterator[str]:
    for words in table.values():
        yield from words


def _hair() -> Iterable[str]:
    colours = [word for colour in CHOICES["hair"] for word in HAIR_WORDS.get(colour, (colour,))]
    # cuts without a colour: "a {} bob" is "a bob"
    cuts = [" ".join(words[0].format("").split()).replace("a afro", "an afro") for words in CUT_WORDS.values()]
    return [*(f"{colour} hair" for colour in colours), *cuts]


def _eyes() -> Iterable[str]:
    return [f"{colour} eyes" for colour in CHOICES["eyes"]]


def _clothes() -> Iterator[str]:
    for garment in CHOICES["clothes"]:
        words = CLOTHES_WORDS.get(garment, (f"a {{}} {garment}",))[0]
        yield " ".join(words.format("").split())
        yield from (words.format(colour).replace("a orange", "an orange") for colour in CHOICES["cloth"])

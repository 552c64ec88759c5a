"""FFCLIP's training prompts: every phrase that captions use for an attribute, one attribute in each prompt.

Attributes are never combined, so that every pair of them is unseen in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from miniature.avatars.data.attributes import CHOICES, Rng, sample
from miniature.avatars.data.captions import (
    CLOTHES_WORDS,
    CUT_WORDS,
    EARRING_WORDS,
    GLASSES_WORDS,
    HAIR_WORDS,
    HAT_WORDS,
    MOODS,
    MOUTH_WORDS,
    SKIN_WORDS,
    caption,
    short_caption,
)
from miniature.common.words import frequent_words, with_article

BEARDS = ("stubble", "a moustache", "a goatee", "a beard", "a full beard")
MARKS = ("freckles", "rosy cheeks", "a frown", "wrinkles", "a bald head", "closed eyes", "wide open eyes")
COMMON = 0.05
"""Words in more than this share of the prompts, such as "face" and "with", do not name an attribute."""
SUBJECTS = ("an old face", "a young face", "a woman", "a man", "a bald face")


def prompts() -> list[str]:
    """All prompts without duplicates, in a fixed order."""
    has = [*_hair(), *_phrases(SKIN_WORDS), *_eyes(), *_phrases(MOUTH_WORDS), *BEARDS, *MARKS, "red lips", "pink lips"]
    worn = [*_phrases(GLASSES_WORDS), *_phrases(HAT_WORDS), *_phrases(EARRING_WORDS)]
    moods = [f"{with_article(mood)} face" for mood in _phrases(MOODS)]
    dressed = [f"a person wearing {garment}" for garment in _clothes()]
    every = [*(f"a face with {thing}" for thing in (*has, *worn)), *moods, *SUBJECTS, *dressed]
    return list(dict.fromkeys(every))


def known_words(avatars: int = 4000, min_count: int = 4) -> list[str]:
    """Words in at least ``min_count`` captions of random avatars; words that name an attribute in `prompts` first."""
    rng: Rng = np.random.default_rng(0)
    people = (sample(rng) for _ in range(avatars))
    texts = (f"{caption(one, rng)} {short_caption(one, rng)}".lower() for one in people)
    all_prompts = prompts()
    common = frequent_words(all_prompts, int(COMMON * len(all_prompts)) + 1)
    naming = set(frequent_words(all_prompts, 1)).difference(common)
    return sorted(frequent_words(texts, min_count), key=lambda word: word not in naming)


def _phrases(table: dict[str, tuple[str, ...]]) -> Iterator[str]:
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

"""Helpers for words in captions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

WORD = re.compile(r"[a-z]+")


def with_article(words: str) -> str:
    """The words with an indefinite article: "a cat", "an apple"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def frequent_words(texts: Iterable[str], min_count: int) -> list[str]:
    """Words that occur in at least ``min_count`` of the texts, sorted by frequency, then alphabetically."""
    counts = Counter(word for text in texts for word in set(WORD.findall(text)))
    return sorted(
        (word for word, count in counts.items() if count >= min_count), key=lambda word: (-counts[word], word)
    )

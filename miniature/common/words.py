"""Words of captions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

WORD = re.compile(r"[a-z]+")


def with_article(words: str) -> str:
    """ "a cat", "an apple"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def frequent_words(texts: Iterable[str], least: int) -> list[str]:
    """Words that stand in at least so many of the texts, by number and alphabet."""
    counts = Counter(word for text in texts for word in set(WORD.findall(text)))
    return sorted((word for word, count in counts.items() if count >= least), key=lambda word: (-counts[word], word))

"""The vocabulary of a small model, for warnings about words in a prompt that it was not trained on.

Large models have no such list.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from inst.placeholders import PLACEHOLDER_PATTERN

WORDS_FILE = "words.txt"
"""A file in a model's folder with one word per line, ordered from the best to the least known."""
SHOWN, NEAREST = 20, 3
_WORD = re.compile(r"[^\W\d_]+")


def describe_unknown_words(prompt: str, folder: Path | None) -> str | None:
    """A sentence about the words of ``prompt`` that the model was not trained on.

    Args:
        prompt: placeholders in it are ignored.
        folder: the folder of the model's files, or None.

    Returns:
        None if the model knows all words or has no list of words.

    >>> from inst.assets import mini_folder
    >>> describe_unknown_words("a house", mini_folder()) is None
    True
    """
    path = folder / WORDS_FILE if folder else None
    if path is None or not path.is_file():
        return None
    known = path.read_text(encoding="utf-8").split()
    words = dict.fromkeys(_WORD.findall(PLACEHOLDER_PATTERN.sub(" ", prompt).lower()))
    unknown = [word for word in words if word not in known]
    if not unknown:
        return None
    listed = ", ".join(f'"{word}"{_nearest(word, known)}' for word in unknown)
    return (
        f"this model was not trained on {listed}; of its {len(known)} words in {path} it knows these best: "
        f"{', '.join(known[:SHOWN])}"
    )


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, NEAREST, 0.6)
    return f" (nearest: {', '.join(near)})" if near else ""

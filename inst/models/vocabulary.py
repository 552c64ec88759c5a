"""The words a small model was trained on, so that a prompt with others can be told of. A large model brings no list."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from inst.placeholders import PLACEHOLDER_PATTERN

WORDS_FILE = "words.txt"
"""Beside a model's weights: one word a line, those that it knows best first."""
SHOWN, NEAREST = 20, 3
_WORD = re.compile(r"[^\W\d_]+")


def tell_unknown_words(prompt: str, folder: Path | None) -> str | None:
    """A sentence on the words of ``prompt`` that are not on the model's list; None where all are, or it has no list.

    Args:
        folder: where the model's files lie.
    """
    path = folder / WORDS_FILE if folder else None
    if path is None or not path.is_file():
        return None
    known = path.read_text(encoding="utf-8").split()
    words = dict.fromkeys(_WORD.findall(PLACEHOLDER_PATTERN.sub(" ", prompt).lower()))
    missing = [word for word in words if word not in known]
    if not missing:
        return None
    named = ", ".join(f'"{word}"{_nearest(word, known)}' for word in missing)
    return f"this model never learned {named}; of {len(known)} words in {path} it knows {', '.join(known[:SHOWN])} best"


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, NEAREST, 0.6)
    return f" (nearest: {', '.join(near)})" if near else ""

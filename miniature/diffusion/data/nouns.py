"""The subjects for which text to image is evaluated."""

from __future__ import annotations

from pathlib import Path


def evaluated_nouns() -> list[str]:
    """The twenty nouns in `words.txt`."""
    return Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split()

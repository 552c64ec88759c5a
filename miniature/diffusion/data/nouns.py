"""The things that pictures from text are asked for."""

from __future__ import annotations

from pathlib import Path


def measured_words() -> list[str]:
    """The twenty things of `words.txt`."""
    return Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split()

"""Captions of the training pictures."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from miniature.common.words import frequent_words
from miniature.diffusion.data.nouns import measured_words


def content_words(row: dict[str, Any], limit: int = 9) -> str:
    """What is on the picture, in plain lower-case ASCII, at most ``limit`` words."""
    text = unicodedata.normalize("NFKD", row["content"]).encode("ascii", "ignore").decode().lower()
    return " ".join("".join(c if c.isalnum() else " " for c in text).split()[:limit])


def style_words(row: dict[str, Any], rng: np.random.Generator, *, colours: bool = True) -> str:
    """How it is made, with its colours in six of ten cases (never without ``colours``)."""
    if row["kind"] == "photo":
        words = "a photo"
    elif row["kind"] == "painting":
        words = "a painting"
    else:
        words = row["words"].lower()
    return f"{words} in {row['colours']}" if rng.random() < 0.6 and colours else words


def caption(row: dict[str, Any], rng: np.random.Generator, *, colours: bool = True) -> str:
    """ "{content}, {style}", either half left out now and then; ``colours`` are named now and then."""
    content, words = content_words(row), style_words(row, rng, colours=colours)
    if not content or rng.random() < 0.25:
        return words
    if row["kind"] != "photo" and rng.random() < 0.1:
        return content
    if row["kind"] in ("photo", "painting") and rng.random() < 0.5:
        return f"{words} of {content}"
    return f"{content}, {words}"


def known_words(rows: list[dict[str, Any]], least: int = 5) -> list[str]:
    """Words of at least so many captions: those of `words.txt` first, then by number and alphabet."""
    rng = np.random.default_rng(0)
    often = frequent_words((caption(row, rng) for row in rows), least)
    return list(
        dict.fromkeys([word for word in measured_words() if word in often] + often + ["style", "painting", "the"])
    )


def texts_of(rows: list[dict[str, Any]]) -> list[str]:
    """Captions to make a tokenizer from, and what prompts begin with."""
    rng = np.random.default_rng(0)
    texts = [caption(row, rng) for row in rows for _ in range(2)]
    return texts + ["a painting in the style of", "in the style of", "a photo of", "a drawing of", "a picture"] * 50

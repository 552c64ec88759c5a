"""Captions of the training pictures."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from miniature.common.words import frequent_words
from miniature.diffusion.data.nouns import evaluated_nouns


def content_words(row: dict[str, Any], limit: int = 9) -> str:
    """The content of the picture in lower-case ASCII, at most ``limit`` words."""
    text = unicodedata.normalize("NFKD", row["content"]).encode("ascii", "ignore").decode().lower()
    return " ".join("".join(c if c.isalnum() else " " for c in text).split()[:limit])


def style_words(row: dict[str, Any], rng: np.random.Generator, *, colours: bool = True) -> str:
    """The style of the picture, with its colours in 60 % of the cases if ``colours``."""
    if row["kind"] == "photo":
        words = "a photo"
    elif row["kind"] == "painting":
        words = "a painting"
    else:
        words = row["words"].lower()
    return f"{words} in {row['colours']}" if rng.random() < 0.6 and colours else words


def caption(row: dict[str, Any], rng: np.random.Generator, *, colours: bool = True) -> str:
    """A random caption, mostly "{content}, {style}"; either part may be left out, and colours may be named."""
    content, words = content_words(row), style_words(row, rng, colours=colours)
    if not content or rng.random() < 0.25:
        return words
    if row["kind"] != "photo" and rng.random() < 0.1:
        return content
    if row["kind"] in ("photo", "painting") and rng.random() < 0.5:
        return f"{words} of {content}"
    return f"{content}, {words}"


def known_words(rows: list[dict[str, Any]], min_count: int = 5) -> list[str]:
    """Words in at least ``min_count`` captions: those of `words.txt` first, then by frequency, then alphabetically."""
    rng = np.random.default_rng(0)
    frequent = frequent_words((caption(row, rng) for row in rows), min_count)
    return list(
        dict.fromkeys(
            [word for word in evaluated_nouns() if word in frequent] + frequent + ["style", "painting", "the"]
        )
    )


def texts_of(rows: list[dict[str, Any]]) -> list[str]:
    """Captions and common beginnings of prompts, to train the tokenizer."""
    rng = np.random.default_rng(0)
    texts = [caption(row, rng) for row in rows for _ in range(2)]
    return texts + ["a painting in the style of", "in the style of", "a photo of", "a drawing of", "a picture"] * 50

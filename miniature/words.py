"""Captions and the tokenizer made from them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from miniature.things import measured_words

CONTEXT = 32
START, END = "<|startoftext|>", "<|endoftext|>"
WORD = re.compile(r"[a-z]+")


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


def frequent_words(texts: Iterable[str], least: int) -> list[str]:
    """Words that stand in at least so many of the texts, by number and alphabet."""
    counts = Counter(word for text in texts for word in set(WORD.findall(text)))
    return sorted((word for word, count in counts.items() if count >= least), key=lambda word: (-counts[word], word))


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


def train_tokenizer(texts: list[str], folder: Path, size: int) -> None:
    """Byte pairs in CLIP's own format; the end of a text has the highest id, as open_clip's pooling needs."""
    backend = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size - 2 - len(alphabet), end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    merges = [
        tuple(m) if not isinstance(m, str) else tuple(m.split(" "))
        for m in json.loads(backend.to_str())["model"]["merges"]
    ]
    words = alphabet + [c + "</w>" for c in alphabet]
    known = set(words)
    for left, right in merges:
        if left + right not in known:
            known.add(left + right)
            words.append(left + right)
    vocab = {word: index for index, word in enumerate([*words, START, END])}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(m) for m in merges if m[0] in vocab and m[1] in vocab)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), unk_token=END, bos_token=START,
        eos_token=END, pad_token=END, model_max_length=CONTEXT,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> np.ndarray:
    """(b, 32) token ids."""
    out = tokenizer(texts, padding="max_length", truncation=True, max_length=CONTEXT)
    return np.array(out["input_ids"])

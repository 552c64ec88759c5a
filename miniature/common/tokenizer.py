"""A tokenizer in CLIP's format, trained on captions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

CONTEXT = 32
START, END = "<|startoftext|>", "<|endoftext|>"


def train_tokenizer(texts: list[str], folder: Path, size: int) -> None:
    """Train byte-pair encoding in CLIP's format; the end token has the highest id, as open_clip's pooling requires."""
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

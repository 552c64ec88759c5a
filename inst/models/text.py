"""Prompts to conditioning, with invented words in them.

A new word is spelled by token vectors. Its placeholder, such as ``[C]``, becomes as many positions as it has vectors,
and while the text encoder runs, a hook puts the vectors where its input embedding would have put rows of its table. The
tokenizer learns no word and the table no row, so a text encoder is the same before and after.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from inst.errors import TokenError
from inst.models.fingerprint import tensor_fingerprint
from inst.placeholders import placeholders
from inst.shapes import Conditioning, TokenVectors

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer


@dataclass(frozen=True)
class _Spelling:
    """A prompt's token ids, and for each position the word and row that replace it, or None."""

    ids: list[int]
    sources: list[tuple[str, int] | None]


class TextConditioner:
    """A tokenizer and a frozen CLIP text encoder.

    Attributes:
        token_dim: width of a token vector.
        max_length: positions of a prompt, start and end included.
        text_encoder_hash: the same for the same vocabulary table and depth, whatever the file format and precision.
    """

    def __init__(self, tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel) -> None:
        # its annotations allow for lists and None where a CLIP tokenizer has one id
        self.tokenizer: Any = tokenizer
        self.text_encoder = text_encoder
        self.token_dim: int = text_encoder.config.hidden_size
        # model_max_length is a huge number where a tokenizer's files do not say
        self.max_length: int = min(tokenizer.model_max_length, text_encoder.config.max_position_embeddings)
        self.text_encoder_hash = tensor_fingerprint(self._table, text_encoder.config.num_hidden_layers)
        self._lock = threading.Lock()

    @property
    def _embedding(self) -> nn.Module:
        return self.text_encoder.get_input_embeddings()

    @property
    def _table(self) -> Tensor:
        return self._embedding.weight  # pyright: ignore[reportReturnType]

    @property
    def vocabulary_norm(self) -> float:
        """Mean Euclidean norm of the vocabulary's vectors."""
        return self._table.detach().float().norm(dim=1).mean().item()

    def word_vectors(self, text: str) -> TokenVectors:
        """The vocabulary's own vectors that spell `text`, float32, a copy; one a token.

        Raises:
            TokenError: `text` holds nothing that spells a token.
        """
        ids = self._tokenize(text)
        if not ids:
            raise TokenError(f"the word {text!r} spells no token: give at least one letter")
        return self._table.detach()[ids].float().clone()

    def encode_prompt(self, prompts: Sequence[str], words: Mapping[str, TokenVectors] | None = None) -> Conditioning:
        """The text encoder's last hidden states, as diffusers' pipelines give them to the U-Net.

        Differentiable with respect to the vectors in `words`. A prompt that is too long is cut with a warning.

        Args:
            prompts: one a picture; an empty one is the unconditional prompt.
            words: placeholder → its token vectors. Upper and lower case differ.

        Returns:
            One row a prompt, in the text encoder's precision.

        Raises:
            TokenError: a placeholder without vectors, vectors without a placeholder, vectors of another width, or a
                placeholder that lies beyond the longest prompt.
        """
        words = words or {}
        self._check_words(prompts, words)
        spellings = [self._spell(prompt, words) for prompt in prompts]
        ids = torch.tensor([spelling.ids for spelling in spellings], device=self._table.device)
        # one at a time: a hook would also catch the words of another thread
        with self._lock, self._replaced([spelling.sources for spelling in spellings], words):
            return self.text_encoder(input_ids=ids).last_hidden_state

    def _check_words(self, prompts: Sequence[str], words: Mapping[str, Tensor]) -> None:
        for word, vectors in words.items():
            if vectors.ndim != 2 or vectors.shape[1] != self.token_dim or not len(vectors):
                raise TokenError(
                    f"{word} has vectors of shape {tuple(vectors.shape)}; this text encoder takes (n, {self.token_dim})"
                )
            if not any(word in prompt for prompt in prompts):
                raise TokenError(f"the prompt {prompts[0]!r} lacks {word}: write it where the style belongs")
        for prompt in prompts:
            for found in placeholders(prompt):
                if found not in words:
                    known = f"known are {', '.join(words)}" if words else "no style was given"
                    raise TokenError(f"the prompt {prompt!r} holds {found}, which has no style: {known}")

    def _spell(self, prompt: str, words: Mapping[str, Tensor]) -> _Spelling:
        """Token ids of `prompt`, with start, end and padding; text between placeholders is tokenised by itself."""
        pad: int = self.tokenizer.pad_token_id
        ids: list[int] = []
        sources: list[tuple[str, int] | None] = []
        for piece in _split(prompt, words):
            if piece in words:
                # any id would do: the vectors take its place. Padding is one that no pooling looks for
                ids += [pad] * len(words[piece])
                sources += [(piece, row) for row in range(len(words[piece]))]
            else:
                new = self._tokenize(piece)
                ids += new
                sources += [None] * len(new)
        room = self.max_length - 2
        self._tell_what_is_cut(prompt, ids, sources, room)
        ids, sources = ids[:room], sources[:room]
        rest = self.max_length - 2 - len(ids)
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        return _Spelling([start, *ids, end, *[pad] * rest], [None, *sources, *[None] * (rest + 1)])

    def _tokenize(self, text: str) -> list[int]:
        # verbose: this tokenizer would warn of long prompts in its own words
        return self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids

    def _tell_what_is_cut(self, prompt: str, ids: list[int], sources: list[tuple[str, int] | None], room: int) -> None:
        if len(ids) <= room:
            return
        if lost := [source[0] for source in sources[room:] if source]:
            raise TokenError(
                f"{lost[0]} lies beyond the {room} tokens that this model reads: put it nearer to the prompt's start"
            )
        cut = self.tokenizer.decode(ids[room:]).strip()
        warnings.warn(f'the prompt "{prompt[:40]}…" has {len(ids)} tokens, {room} fit; cut off: "{cut}"', stacklevel=4)

    @contextmanager
    def _replaced(
        self, sources: Sequence[Sequence[tuple[str, int] | None]], words: Mapping[str, Tensor]
    ) -> Iterator[None]:
        """While this lasts, the input embedding gives the words' vectors at their positions."""
        places = [(b, s, *source) for b, row in enumerate(sources) for s, source in enumerate(row) if source]
        if not places:
            yield
            return
        rows = torch.stack([words[word][index].to(self._table) for _, _, word, index in places])
        index = (torch.tensor([place[0] for place in places]), torch.tensor([place[1] for place in places]))

        def replace(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return output.index_put(index, rows)

        handle = self._embedding.register_forward_hook(replace)
        try:
            yield
        finally:
            handle.remove()


def _split(prompt: str, words: Mapping[str, Tensor]) -> list[str]:
    """Pieces of `prompt`, placeholders among them; of two that begin alike the longer wins."""
    if not words:
        return [prompt]
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return [piece for piece in re.split(f"({pattern})", prompt) if piece]

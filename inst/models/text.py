"""Encoding prompts to conditioning, with learned token vectors in place of placeholders.

A placeholder such as ``[C]`` takes as many token positions as it has vectors. While the text encoder runs, a forward
hook on its input embedding inserts the vectors at these positions. No token is added to the tokenizer and no row to the
embedding table, so that the text encoder is the same before and after. That is why a hook is used instead of
diffusers' ``load_textual_inversion``, which changes both.
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

from inst.errors import InstWarning, TokenError
from inst.models.fingerprint import tensor_fingerprint
from inst.placeholders import placeholders
from inst.shapes import Conditioning, TokenVectors

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer


@dataclass(frozen=True)
class _TokenizedPrompt:
    """The token ids of a prompt, and for each position the placeholder and the index of its vector, or None."""

    ids: list[int]
    sources: list[tuple[str, int] | None]


class TextConditioner:
    """A tokenizer and a frozen CLIP text encoder.

    Attributes:
        token_dim: width of a token vector.
        max_length: maximum number of tokens of a prompt, including the start and end tokens.
        text_encoder_hash: a fingerprint of the token embedding and the number of layers, independent of the file format
            and the precision.
    """

    def __init__(self, tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel) -> None:
        # Typed as Any because the annotations allow lists and None for ids that are single numbers in CLIP tokenizers.
        self.tokenizer: Any = tokenizer
        self.text_encoder = text_encoder
        self.token_dim: int = text_encoder.config.hidden_size
        # model_max_length is a huge number if the tokenizer's files do not specify it.
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
        """Mean Euclidean norm of the token vectors in the vocabulary."""
        return self._table.detach().float().norm(dim=1).mean().item()

    def word_vectors(self, text: str) -> TokenVectors:
        """The token vectors of ``text`` in the vocabulary, one for each token: a float32 copy.

        Raises:
            TokenError: ``text`` has no tokens.
        """
        ids = self._tokenize(text)
        if not ids:
            raise TokenError(f"the word {text!r} has no tokens: give at least one letter")
        return self._table.detach()[ids].float().clone()

    def encode_prompt(
        self, prompts: Sequence[str], embeddings: Mapping[str, TokenVectors] | None = None
    ) -> Conditioning:
        """Encode prompts to the text encoder's last hidden states, the conditioning of the U-Net (as in diffusers).

        The result is differentiable with respect to the vectors in ``embeddings``. A prompt that is too long is
        truncated, with an InstWarning.

        Args:
            prompts: one for each image; the empty prompt is the unconditional one.
            embeddings: the token vectors of each placeholder. Placeholders are case-sensitive.

        Returns:
            (b, s, d), one row for each prompt, in the precision of the text encoder.

        Raises:
            TokenError: a placeholder in a prompt has no vectors, vectors have no placeholder in any prompt or the wrong
                width, or a placeholder lies beyond the maximum length.
        """
        embeddings = embeddings or {}
        self._check_placeholders(prompts, embeddings)
        tokenized = [self._tokenize_with_placeholders(prompt, embeddings) for prompt in prompts]
        ids = torch.tensor([prompt.ids for prompt in tokenized], device=self._table.device)
        # The lock is needed because the hook would also act on the prompts of other threads.
        with self._lock, self._embedding_hook([prompt.sources for prompt in tokenized], embeddings):
            return self.text_encoder(input_ids=ids).last_hidden_state

    def _check_placeholders(self, prompts: Sequence[str], embeddings: Mapping[str, Tensor]) -> None:
        for placeholder, vectors in embeddings.items():
            if vectors.ndim != 2 or vectors.shape[1] != self.token_dim or not len(vectors):
                raise TokenError(
                    f"{placeholder} has vectors of shape {tuple(vectors.shape)}; this text encoder takes "
                    f"(n, {self.token_dim})"
                )
            if not any(placeholder in prompt for prompt in prompts):
                raise TokenError(f"the prompt {prompts[0]!r} lacks {placeholder}: write it where the style belongs")
        for prompt in prompts:
            for placeholder in placeholders(prompt):
                if placeholder not in embeddings:
                    known = f"known placeholders are {', '.join(embeddings)}" if embeddings else "no style was given"
                    raise TokenError(f"the prompt {prompt!r} contains {placeholder}, which has no style: {known}")

    def _tokenize_with_placeholders(self, prompt: str, embeddings: Mapping[str, Tensor]) -> _TokenizedPrompt:
        """Tokenize a prompt, with start, end and padding tokens. Text between placeholders is tokenized separately."""
        pad: int = self.tokenizer.pad_token_id
        ids: list[int] = []
        sources: list[tuple[str, int] | None] = []
        for piece in _split(prompt, embeddings):
            if piece in embeddings:
                # The id does not matter, because its vector is replaced. The padding id is not the one that the text
                # encoder's pooling looks for.
                ids += [pad] * len(embeddings[piece])
                sources += [(piece, row) for row in range(len(embeddings[piece]))]
            else:
                new = self._tokenize(piece)
                ids += new
                sources += [None] * len(new)
        max_ids = self.max_length - 2
        self._check_length(prompt, ids, sources, max_ids)
        ids, sources = ids[:max_ids], sources[:max_ids]
        num_padding = max_ids - len(ids)
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        return _TokenizedPrompt([start, *ids, end, *[pad] * num_padding], [None, *sources, *[None] * (num_padding + 1)])

    def _tokenize(self, text: str) -> list[int]:
        # verbose=False suppresses the tokenizer's own warning about long prompts.
        return self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids

    def _check_length(self, prompt: str, ids: list[int], sources: list[tuple[str, int] | None], max_ids: int) -> None:
        """Warn if a prompt is truncated. Refuse a prompt if a placeholder would be cut off."""
        if len(ids) <= max_ids:
            return
        if lost := [source[0] for source in sources[max_ids:] if source]:
            raise TokenError(
                f"{lost[0]} lies beyond the {max_ids} tokens that this model reads: move it toward the prompt's start"
            )
        cut = self.tokenizer.decode(ids[max_ids:]).strip()
        warnings.warn(
            f'the prompt "{prompt[:40]}…" has {len(ids)} tokens, but the model reads {max_ids}; ignored: "{cut}"',
            InstWarning,
            stacklevel=4,
        )

    @contextmanager
    def _embedding_hook(
        self, sources: Sequence[Sequence[tuple[str, int] | None]], embeddings: Mapping[str, Tensor]
    ) -> Iterator[None]:
        """Within the block, the input embedding returns the placeholders' vectors at their positions."""
        positions = [(b, s, *source) for b, row in enumerate(sources) for s, source in enumerate(row) if source]
        if not positions:
            yield
            return
        vectors = torch.stack([embeddings[name][row].to(self._table) for _, _, name, row in positions])
        indices = (torch.tensor([b for b, *_ in positions]), torch.tensor([s for _, s, *_ in positions]))

        def replace(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return output.index_put(indices, vectors)

        handle = self._embedding.register_forward_hook(replace)
        try:
            yield
        finally:
            handle.remove()


def _split(prompt: str, embeddings: Mapping[str, Tensor]) -> list[str]:
    """Split a prompt at its placeholders, which are kept. If one begins with another, the longer one matches."""
    if not embeddings:
        return [prompt]
    pattern = "|".join(re.escape(name) for name in sorted(embeddings, key=len, reverse=True))
    return [piece for piece in re.split(f"({pattern})", prompt) if piece]

"""Prompt and styles to conditioning: one style, several in one prompt, or several mixed by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inst.errors import TokenError
from inst.models.latent_diffusion import LatentDiffusion
from inst.placeholders import PLACEHOLDER, placeholders
from inst.shapes import Conditioning, TokenVectors
from inst.transfer.mixing import mixture


@dataclass(frozen=True)
class WeightedVectors:
    """Token vectors, and the placeholder that stands for them in a prompt.

    Attributes:
        placeholder: ``[C]``, or ``[name]`` of a named style.
        weight: its share, by the rule of :mod:`inst.transfer.mixing`.
    """

    vectors: TokenVectors
    placeholder: str = PLACEHOLDER
    weight: float = 1.0


@torch.no_grad()
def encode_styled(model: LatentDiffusion, prompt: str, styles: Sequence[WeightedVectors], plain: str) -> Conditioning:
    """The conditioning of a prompt with styles in it.

    Styles with placeholders of their own stand side by side in the prompt. Styles that share one are mixed: the prompt
    is encoded with each of them, and the conditionings are added by weight (:mod:`inst.transfer.mixing`). Weights that
    sum to less than 1 leave the remainder to ``plain``, a prompt without a style.

    Returns:
        (1, s, d).

    Raises:
        TokenError: a placeholder without a style, or a style whose placeholder the prompt lacks.
    """
    groups: dict[str, list[tuple[float, Tensor]]] = {}
    for style, weight in zip(styles, mixture(styles).weights, strict=True):
        groups.setdefault(style.placeholder, []).append((weight, style.vectors))
    _check(prompt, groups)
    if not groups:
        return model.text.encode_prompt([prompt], {})
    mixtures = _combinations(groups)
    total = sum(weight for weight, _ in mixtures)
    parts = [weight * model.text.encode_prompt([prompt], dict(vectors)) for weight, vectors in mixtures]
    if abs(total - 1) > 1e-6:
        parts.append((1 - total) * model.text.encode_prompt([plain], {}))
    return torch.stack(parts).sum(0)


def _combinations(
    groups: Mapping[str, Sequence[tuple[float, Tensor]]],
) -> list[tuple[float, dict[str, Tensor]]]:
    """Every combination of one style for each placeholder, with the product of their weights.

    Token vectors are plain tensors here because styles may differ in their number of vectors.
    """
    combinations: list[tuple[float, dict[str, Tensor]]] = [(1.0, {})]
    for placeholder, members in groups.items():
        combinations = [
            (weight * share, chosen | {placeholder: vectors})
            for weight, chosen in combinations
            for share, vectors in members
        ]
    return combinations


def _check(prompt: str, groups: Mapping[str, object]) -> None:
    named = placeholders(prompt)
    for placeholder in groups:
        if placeholder not in named:
            raise TokenError(f'the prompt "{prompt}" does not contain {placeholder}: write it where the style belongs')
    for placeholder in named:
        if placeholder not in groups:
            known = " and ".join(groups) or "none"
            raise TokenError(
                f'the prompt "{prompt}" contains {placeholder}, and no style has that name (given: {known}): '
                f"--style {placeholder.strip('[]')}=styles/file.safetensors"
            )

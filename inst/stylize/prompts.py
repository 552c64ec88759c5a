"""Prompt and styles to conditioning: one style, several in one prompt, or several mixed by weight."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from inst.errors import TokenError
from inst.models.latent_diffusion import LatentDiffusion
from inst.shapes import Conditioning, TokenVectors

PLACEHOLDER = "[C]"
_PLACEHOLDERS = re.compile(r"\[([A-Za-z][\w-]*)\]")


@dataclass(frozen=True)
class WeightedStyle:
    """Vectors and what they are called in a prompt.

    Attributes:
        placeholder: ``[C]``, or ``[name]`` of a named style.
        weight: its share where several styles stand for the same placeholder.
    """

    vectors: TokenVectors
    placeholder: str = PLACEHOLDER
    weight: float = 1.0


def placeholders(prompt: str) -> list[str]:
    """The placeholders in a prompt, in order: ``[C]``, ``[name]``; other brackets are text."""
    return [f"[{name}]" for name in _PLACEHOLDERS.findall(prompt)]


@torch.no_grad()
def encode_styled(model: LatentDiffusion, prompt: str, styles: Sequence[WeightedStyle], plain: str) -> Conditioning:
    """The conditioning of a prompt under styles.

    Styles with placeholders of their own stand side by side in the prompt. Styles that share one are mixed: the
    prompt is encoded with each of them, and the conditionings are added by weight. Weights that sum to less than 1
    leave the rest to ``plain``, a prompt without a style.

    Returns:
        (1, s, d).

    Raises:
        TokenError: a placeholder without a style, or a style whose placeholder the prompt lacks.
    """
    groups: dict[str, list[WeightedStyle]] = {}
    for style in styles:
        groups.setdefault(style.placeholder, []).append(style)
    _check(prompt, groups)
    if not groups:
        return model.text.encode_prompt([prompt], {})
    mixtures = _mixtures(groups)
    total = sum(weight for weight, _ in mixtures)
    parts = [weight * model.text.encode_prompt([prompt], dict(words)) for weight, words in mixtures]
    if abs(total - 1) > 1e-6:
        parts.append((1 - total) * model.text.encode_prompt([plain], {}))
    return torch.stack(parts).sum(0)


def _mixtures(groups: Mapping[str, list[WeightedStyle]]) -> list[tuple[float, dict[str, TokenVectors]]]:
    """Every combination of one style for each placeholder, with the product of their weights."""
    mixtures: list[tuple[float, dict[str, TokenVectors]]] = [(1.0, {})]
    for placeholder, members in groups.items():
        mixtures = [
            (weight * member.weight, words | {placeholder: member.vectors})
            for weight, words in mixtures
            for member in members
        ]
    return mixtures


def _check(prompt: str, groups: Mapping[str, list[WeightedStyle]]) -> None:
    named = placeholders(prompt)
    for placeholder in groups:
        if placeholder not in named:
            raise TokenError(f'the prompt "{prompt}" does not hold {placeholder}: put it where the style belongs')
    for placeholder in named:
        if placeholder not in groups:
            known = " and ".join(groups) or "none"
            raise TokenError(
                f'the prompt "{prompt}" holds {placeholder}, and no style has that name (given: {known}): '
                f"--style {placeholder.strip('[]')}=styles/file.safetensors"
            )

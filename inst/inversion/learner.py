"""The part that learns: the module and its painting, or the bare vectors of direct textual inversion."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.errors import TokenError
from inst.inversion.attention import AttentionInversion
from inst.shapes import TokenVectors


class AttentionLearner(nn.Module):
    """``vectors = start + module(painting)``; only the module learns.

    A fresh module with a start ends in zeros, so that learning begins exactly at ``start``; a module that a model
    brings along, or the published form, has a start of zero.
    """

    start: Tensor
    embeds: Tensor
    context: Tensor | None

    def __init__(
        self,
        module: AttentionInversion,
        start: TokenVectors,
        embeds: Float[Tensor, "1 1 e"],
        context: Float[Tensor, "1 k e"] | None,
    ) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("start", start, persistent=False)
        self.register_buffer("embeds", embeds, persistent=False)
        self.register_buffer("context", context, persistent=False)

    def forward(self) -> TokenVectors:
        return self.start + self.module(self.embeds, self.context)[0]


class DirectLearner(nn.Module):
    """Direct textual inversion (Gal et al. 2022): the vectors themselves are the parameters."""

    def __init__(self, start: TokenVectors) -> None:
        super().__init__()
        self.vectors = nn.Parameter(start.clone())

    def forward(self) -> TokenVectors:
        return self.vectors * 1.0


def build_module(metadata: Mapping[str, Any]) -> AttentionInversion:
    """A module from its recorded constructor arguments."""
    names = inspect.signature(AttentionInversion).parameters
    return AttentionInversion(**{name: metadata[name] for name in names if name in metadata})


def load_module(metadata: Mapping[str, Any], state: Mapping[str, Tensor]) -> AttentionInversion:
    """A module with recorded arguments and parameters.

    Raises:
        TokenError: the parameters are not this module's.
    """
    module = build_module(metadata)
    try:
        module.load_state_dict({name: value.float() for name, value in state.items()})
    except RuntimeError as error:
        raise TokenError(
            f"the inversion module's parameters do not fit: {str(error).splitlines()[-1].strip()}"
        ) from None
    return module


def silence(module: AttentionInversion) -> None:
    """Zero the last linear map, so that the module adds nothing until it has learned."""
    last = module.net[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)


@torch.no_grad()
def vectors_of(learner: nn.Module, weights: Mapping[str, Tensor] | None = None) -> TokenVectors:
    """The token vectors, without dropout (the release leaves it on while stylizing).

    Args:
        weights: the learner's state dict; ``None`` for its current one.
    """
    was_training = learner.training
    learner.eval()
    device = next(learner.parameters()).device
    moved = {name: value.to(device) for name, value in (weights or learner.state_dict()).items()}
    vectors = torch.func.functional_call(learner, moved, ()).detach().float().cpu()
    learner.train(was_training)
    return vectors

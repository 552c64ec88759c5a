"""The trainable modules: the inversion module applied to a painting, or directly trained token vectors."""

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
    """Token vectors computed as ``start + module(painting)``. Only the module is trained.

    The last layer of a new module with a ``start`` is set to zero (see :func:`zero_last_layer`), so that training
    begins exactly at ``start``. For the published form, and for a module that comes with a model, ``start`` is zero.

    Args:
        module: the inversion module.
        start: the initial token vectors.
        embeds: the CLIP embedding of the painting.
        context: the context of the module's attention, or ``None``; see :meth:`AttentionInversion.forward`.
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
        """The current token vectors."""
        return self.start + self.module(self.embeds, self.context)[0]


class DirectLearner(nn.Module):
    """Direct textual inversion (Gal et al. 2022): the token vectors themselves are the parameters.

    Args:
        start: the initial token vectors.
    """

    def __init__(self, start: TokenVectors) -> None:
        super().__init__()
        self.vectors = nn.Parameter(start.clone())

    def forward(self) -> TokenVectors:
        """The current token vectors."""
        return self.vectors * 1.0


def build_module(metadata: Mapping[str, Any]) -> AttentionInversion:
    """Build an inversion module from the constructor arguments in its metadata."""
    names = inspect.signature(AttentionInversion).parameters
    return AttentionInversion(**{name: metadata[name] for name in names if name in metadata})


def load_module(metadata: Mapping[str, Any], state: Mapping[str, Tensor]) -> AttentionInversion:
    """Build an inversion module from the constructor arguments in its metadata, and load its parameters.

    Raises:
        TokenError: the parameters do not fit the module.
    """
    module = build_module(metadata)
    try:
        module.load_state_dict({name: value.float() for name, value in state.items()})
    except RuntimeError as error:
        raise TokenError(
            f"the inversion module's parameters do not fit: {str(error).splitlines()[-1].strip()}"
        ) from None
    return module


def zero_last_layer(module: AttentionInversion) -> None:
    """Set the last linear layer to zero, so that the output of the module is zero before training."""
    last = module.net[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)


@torch.no_grad()
def vectors_of(learner: nn.Module, weights: Mapping[str, Tensor] | None = None) -> TokenVectors:
    """The token vectors (n, d) of a learner, float32 on the CPU, computed without dropout.

    (The code that the authors of InST released keeps dropout active while stylizing.)

    Args:
        learner: one of the modules of this file.
        weights: a state dict of the learner to use instead of its current one.
    """
    was_training = learner.training
    learner.eval()
    device = next(learner.parameters()).device
    moved = {name: value.to(device) for name, value in (weights or learner.state_dict()).items()}
    vectors = torch.func.functional_call(learner, moved, ()).detach().float().cpu()
    learner.train(was_training)
    return vectors

"""What FFCLIP learns from: near to the text, and otherwise the same picture.

Zhu et al. 2022: ``L = λ_t L_t + λ_sp L_sp``, L_sp of CLIP's embedding, the size of the move, and identity.
The published code has other terms (the embeddings' L1 distance, a sum over the batch, a mask of hair); these are the
paper's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.gan.codes import Synthesis
from inst.gan.ffclip import SemanticModulation
from inst.gan.losses import ClipView, check_finite, check_weights, faces_for
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.shapes import ImageEmbeds, WPlus
from inst.training.workers import average_gradients


@dataclass(frozen=True, kw_only=True)
class FfclipSettings:
    """Weights, those of the like terms in the published code.

    Attributes:
        text_weight: λ_t, of 1 − cosine of the edited picture and the text. The published code adds it up over its batch
            of 8 and takes the mean of all else.
        embed_weight: of 1 − cosine of the edited picture and the one before.
        move_weight: of the mean of |Δw|.
        identity_weight: for faces.
    """

    text_weight: float = 8.0
    embed_weight: float = 1.0
    move_weight: float = 1.6
    identity_weight: float = 0.9

    def __post_init__(self) -> None:
        check_weights(
            text_weight=self.text_weight,
            embed_weight=self.embed_weight,
            move_weight=self.move_weight,
            identity_weight=self.identity_weight,
        )


@dataclass(frozen=True)
class FfclipLosses:
    """Means over a batch, without their weights; ``total`` with them."""

    total: Float[Tensor, ""]
    text: Float[Tensor, ""]
    embed: Float[Tensor, ""]
    move: Float[Tensor, ""]
    identity: Float[Tensor, ""]


@dataclass
class FfclipLoss:
    """The loss of a batch of codes, each with a text of its own.

    Attributes:
        synthesize: the generator, its parameters without gradients.
        arcface: needed with ``identity_weight``.
    """

    synthesize: Synthesis
    clip: ClipView
    settings: FfclipSettings
    arcface: FaceIdentity | None = None

    def __post_init__(self) -> None:
        self.arcface = faces_for(self.settings.identity_weight, self.arcface)

    def __call__(self, network: SemanticModulation, w_plus: WPlus, texts: ImageEmbeds) -> FfclipLosses:
        (edited,) = network.edit([w_plus], texts)
        image = self.synthesize([edited])
        with torch.no_grad():
            before = self.synthesize([w_plus])
            embeds_before = self.clip.embed_images(before)
        embeds = self.clip.embed_images(image)
        text = (1 - functional.cosine_similarity(embeds, texts)).mean()
        embed = (1 - functional.cosine_similarity(embeds, embeds_before)).mean()
        move = (edited - w_plus).abs().mean()
        identity = torch.zeros_like(move)
        if self.arcface is not None:
            with torch.no_grad():
                faces = self.arcface.embed_faces(before)
            identity = identity_distance(self.arcface.embed_faces(image), faces).mean()
        s = self.settings
        total = s.text_weight * text + s.embed_weight * embed + s.move_weight * move + s.identity_weight * identity
        return FfclipLosses(total, text.detach(), embed.detach(), move.detach(), identity.detach())


def train_ffclip(
    network: SemanticModulation,
    loss: FfclipLoss,
    batches: Iterable[tuple[WPlus, ImageEmbeds]],
    optimizer: torch.optim.Optimizer,
    *,
    max_norm: float = 5.0,
) -> Iterator[FfclipLosses]:
    """One step a batch of codes and their texts' embeddings.

    Args:
        optimizer: published: Adam, 5e-4, halved after 10, 15 and 18 of 20 epochs.
        max_norm: gradients are cut to this length.

    Raises:
        ConfigError: the loss is no number.
    """
    network.requires_grad_(True).train()
    for w_plus, texts in batches:
        losses = loss(network, w_plus, texts)
        check_finite(losses.total)
        optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        average_gradients(network.parameters())
        torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm)
        optimizer.step()
        yield FfclipLosses(losses.total.detach(), losses.text, losses.embed, losses.move, losses.identity)


@torch.no_grad()
def validate_ffclip(
    network: SemanticModulation, loss: FfclipLoss, batches: Iterable[tuple[WPlus, ImageEmbeds]]
) -> float:
    """Mean total loss over batches that were not learned from."""
    totals = [float(loss(network, w_plus, texts).total) for w_plus, texts in batches]
    return sum(totals) / len(totals)

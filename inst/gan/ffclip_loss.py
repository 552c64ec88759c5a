"""FFCLIP's training loss: the edited image should match the text and otherwise stay the same.

Zhu et al. 2022: ``L = λ_t L_t + λ_sp L_sp``, where the semantic-preserving loss L_sp consists of the CLIP image
embedding, the norm of the offset Δw, and identity. These are the terms of the paper; the published code differs (L1
distance of the embeddings, a sum over the batch, a hair mask).
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
from inst.gan.losses import ClipView, check_finite, check_weights, required_identity_network
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.shapes import ImageEmbeds, WPlus
from inst.training.workers import average_gradients


@dataclass(frozen=True, kw_only=True)
class FfclipSettings:
    """Weights of the loss terms; the defaults are those of the corresponding terms in the published code.

    Attributes:
        text_weight: λ_t, weight of 1 − cosine between edited image and text. The published code sums this term over
            its batch of 8 and averages all other terms.
        embed_weight: weight of 1 − cosine between the edited and the original image.
        offset_weight: weight of the mean of |Δw|.
        identity_weight: weight of the identity distance, for faces.

    Raises:
        ConfigError: a weight is negative, NaN or Inf.
    """

    text_weight: float = 8.0
    embed_weight: float = 1.0
    offset_weight: float = 1.6
    identity_weight: float = 0.9

    def __post_init__(self) -> None:
        check_weights(
            text_weight=self.text_weight,
            embed_weight=self.embed_weight,
            offset_weight=self.offset_weight,
            identity_weight=self.identity_weight,
        )


@dataclass(frozen=True)
class FfclipLosses:
    """Loss terms averaged over a batch, unweighted; ``total`` is their weighted sum."""

    total: Float[Tensor, ""]
    text: Float[Tensor, ""]
    embed: Float[Tensor, ""]
    offset: Float[Tensor, ""]
    identity: Float[Tensor, ""]


@dataclass
class FfclipLoss:
    """The loss of a batch of codes, each with its own text.

    Attributes:
        synthesize: the generator; its parameters should not require gradients.
        clip: CLIP with StyleCLIP's image preprocessing.
        settings: weights of the terms.
        arcface: identity network, required unless ``identity_weight`` is 0.

    Raises:
        ConfigError: ``identity_weight`` without an identity network.
    """

    synthesize: Synthesis
    clip: ClipView
    settings: FfclipSettings
    arcface: FaceIdentity | None = None

    def __post_init__(self) -> None:
        self.arcface = required_identity_network(self.settings.identity_weight, self.arcface)

    def __call__(self, network: SemanticModulation, w_plus: WPlus, texts: ImageEmbeds) -> FfclipLosses:
        (edited,) = network.edit([w_plus], texts)
        image = self.synthesize([edited])
        with torch.no_grad():
            before = self.synthesize([w_plus])
            embeds_before = self.clip.embed_images(before)
        embeds = self.clip.embed_images(image)
        text = (1 - functional.cosine_similarity(embeds, texts)).mean()
        embed = (1 - functional.cosine_similarity(embeds, embeds_before)).mean()
        offset = (edited - w_plus).abs().mean()
        identity = torch.zeros_like(offset)
        if self.arcface is not None:
            with torch.no_grad():
                faces = self.arcface.embed_faces(before)
            identity = identity_distance(self.arcface.embed_faces(image), faces).mean()
        s = self.settings
        total = s.text_weight * text + s.embed_weight * embed + s.offset_weight * offset + s.identity_weight * identity
        return FfclipLosses(total, text.detach(), embed.detach(), offset.detach(), identity.detach())


def train_ffclip(
    network: SemanticModulation,
    loss: FfclipLoss,
    batches: Iterable[tuple[WPlus, ImageEmbeds]],
    optimizer: torch.optim.Optimizer,
    *,
    max_norm: float = 5.0,
) -> Iterator[FfclipLosses]:
    """Trains the network, one step per batch.

    Args:
        network: the network to train, in place.
        loss: the training loss.
        batches: W+ codes (b, k, d) with the CLIP embeddings (b, e) of their texts.
        optimizer: optimizer of the network's parameters. The published training uses Adam with a learning rate of 5e-4,
            halved after 10, 15 and 18 of 20 epochs.
        max_norm: gradients are clipped to this norm.

    Yields:
        The losses of each batch before its update.

    Raises:
        ConfigError: the loss is NaN or Inf.
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
        yield FfclipLosses(losses.total.detach(), losses.text, losses.embed, losses.offset, losses.identity)


@torch.no_grad()
def validate_ffclip(
    network: SemanticModulation, loss: FfclipLoss, batches: Iterable[tuple[WPlus, ImageEmbeds]]
) -> float:
    """Mean total loss over held-out batches of codes and text embeddings."""
    totals = [float(loss(network, w_plus, texts).total) for w_plus, texts in batches]
    return sum(totals) / len(totals)

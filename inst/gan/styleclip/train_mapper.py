"""Training of a latent mapper (Patashnik et al. 2021, section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError
from inst.gan.codes import Codes, Synthesis, rows_of
from inst.gan.losses import ClipView, check_finite, check_weights, required_identity_network
from inst.gan.styleclip.mapper import STRENGTH, LatentMapper
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.training.workers import average_gradients


@dataclass(frozen=True, kw_only=True)
class MapperSettings:
    """Weights of the losses; the defaults are the published ones for `Ranger` with a learning rate of 0.5.

    Attributes:
        clip_weight: weight of the CLIP distance.
        l2_weight: weight of the squared offset, which is averaged within a style and summed over styles; in StyleSpace
            it therefore has far more weight than in W+.
        identity_weight: weight of the identity distance.
        strength: factor of the offset; the edit is ``w + strength · M(w)``.

    Raises:
        ConfigError: a weight is negative, NaN or Inf.
    """

    clip_weight: float = 1.0
    l2_weight: float = 0.8
    identity_weight: float = 0.1
    strength: float = STRENGTH

    def __post_init__(self) -> None:
        check_weights(clip_weight=self.clip_weight, l2_weight=self.l2_weight, identity_weight=self.identity_weight)


@dataclass(frozen=True)
class MapperLosses:
    """Loss terms averaged over a batch, unweighted; ``total`` is their weighted sum."""

    total: Float[Tensor, ""]
    clip: Float[Tensor, ""]
    l2: Float[Tensor, ""]
    identity: Float[Tensor, ""]


@dataclass
class MapperLoss:
    """The loss of a mapper for one text.

    Attributes:
        text: CLIP embedding of the text, (1, e).
        synthesize: the generator; its parameters should not require gradients.
        clip: CLIP with StyleCLIP's image preprocessing.
        settings: weights of the terms.
        arcface: identity network, required unless ``identity_weight`` is 0.

    Raises:
        ConfigError: ``identity_weight`` without an identity network.
    """

    text: Float[Tensor, "1 e"]
    synthesize: Synthesis
    clip: ClipView
    settings: MapperSettings
    arcface: FaceIdentity | None = None

    def __post_init__(self) -> None:
        self.arcface = required_identity_network(self.settings.identity_weight, self.arcface)

    def __call__(self, mapper: LatentMapper, codes: Sequence[Tensor]) -> MapperLosses:
        edited = mapper.edit(codes, self.settings.strength)
        image = self.synthesize(edited)
        clip = self.clip.distance(image, self.text.expand(len(image), -1)).mean()
        l2 = torch.stack([(new - old).square().mean() for new, old in zip(edited, codes, strict=True)]).sum()
        identity = torch.zeros_like(l2)
        if self.arcface is not None:
            with torch.no_grad():
                faces = self.arcface.embed_faces(self.synthesize(list(codes)))
            identity = identity_distance(self.arcface.embed_faces(image), faces).mean()
        s = self.settings
        total = s.clip_weight * clip + s.l2_weight * l2 + s.identity_weight * identity
        return MapperLosses(total, clip.detach(), l2.detach(), identity.detach())


def shuffled_batches(codes: Sequence[Tensor], batch_size: int, generator: torch.Generator) -> Iterator[Codes]:
    """Endless shuffled batches: every code is used once per epoch, and an incomplete last batch is dropped.

    Raises:
        ConfigError: ``batch_size`` is below 1 or larger than the number of codes.
    """
    rows = len(codes[0])
    if not 1 <= batch_size <= rows:
        raise ConfigError(f"batch_size={batch_size} is out of range: there are {rows} codes")
    while True:
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - batch_size + 1, batch_size):
            yield rows_of(codes, order[start : start + batch_size])


def train_mapper(
    mapper: LatentMapper, loss: MapperLoss, batches: Iterable[Codes], optimizer: torch.optim.Optimizer
) -> Iterator[MapperLosses]:
    """Trains a mapper, one step per batch.

    Args:
        mapper: the mapper to train, in place.
        loss: the training loss.
        batches: codes in the space of the mapper.
        optimizer: optimizer of the mapper's parameters, in the published code ``Ranger(mapper.parameters(), lr=0.5)``.

    Yields:
        The losses of each batch, computed before its update and yielded after it.

    Raises:
        ConfigError: the loss is NaN or Inf.
    """
    mapper.requires_grad_(True).train()
    for codes in batches:
        losses = loss(mapper, codes)
        check_finite(losses.total)
        optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        average_gradients(mapper.parameters())
        optimizer.step()
        yield MapperLosses(losses.total.detach(), losses.clip, losses.l2, losses.identity)


@torch.no_grad()
def validate_mapper(mapper: LatentMapper, loss: MapperLoss, batches: Iterable[Codes]) -> float:
    """Mean total loss over held-out batches of codes."""
    totals = [float(loss(mapper, codes).total) for codes in batches]
    return sum(totals) / len(totals)

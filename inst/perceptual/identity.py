"""Who a face is, whichever network tells it: ArcFace for photographs, a small network for drawn faces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from inst.files import load_parameters, parameters_of, read_checkpoint
from inst.perceptual.arcface import Identity, arcface_of
from inst.perceptual.small_network import GROUPS, SmallTrunk, shrink, widths_of
from inst.placement import Placement
from inst.shapes import Image

WIDTHS, FEATURES, SIDE = (40, 80, 112, 144), 96, 64


@runtime_checkable
class FaceIdentity(Protocol):
    """A frozen network that tells faces apart."""

    def embed_faces(self, images: Image) -> Identity:
        """Identities in float32 of aligned faces of any size in [-1, 1]; gradients flow to the pictures."""
        ...


class SmallIdentity(nn.Module):
    """Identities of small pictures, seen whole: hair tells drawn faces apart as much as the face does.

    Args:
        widths: of its trunk.
        features: width of the identity.
        side: of the square pictures that it was trained on.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, features: int = FEATURES, side: int = SIDE) -> None:
        super().__init__()
        self.side = side
        self.trunk = SmallTrunk(widths)
        self.identity = nn.Linear(self.trunk.features(side), features)

    def forward(self, images: Image) -> Identity:
        """Identities of pictures of its own size."""
        return functional.normalize(self.identity(self.trunk(images)).float())

    def embed_faces(self, images: Image) -> Identity:
        """Identities in float32 of faces of any size in [-1, 1]; gradients flow to the pictures."""
        weight = self.identity.weight
        small = functional.adaptive_avg_pool2d(images, self.side)
        return self(small.to(weight.device, weight.dtype))


def load_identity(path: Path, placement: Placement) -> FaceIdentity:
    """A network of either kind, told apart by the names of its tensors.

    Raises:
        InputError: missing, damaged, or no file of parameters.
        ModelError: the parameters are those of another network.
    """
    state = parameters_of(read_checkpoint(path))
    if "trunk.read.weight" not in state:
        return arcface_of(state, path, placement)
    with torch.device("meta"):
        network = _of(state)
    load_parameters(network, state, f"{path} (wanted: an identity network of python -m miniature.identity)")
    return network.eval().to(placement.device, placement.dtype)


def _of(state: Mapping[str, Tensor]) -> SmallIdentity:
    """The network in the sizes that its tensors show; in the usual ones where they show none, so that loading tells."""
    widths, identity = widths_of(state, "trunk"), state.get("identity.weight")
    if not widths or any(width % GROUPS or not width for width in widths) or identity is None or identity.ndim != 2:
        return SmallIdentity()
    features, read = identity.shape
    return SmallIdentity(widths, features, math.isqrt(read // widths[-1]) * shrink(len(widths)))

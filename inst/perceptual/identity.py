"""Identity embeddings of faces behind one interface: ArcFace for photographs, a small network for cartoon faces."""

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
from inst.perceptual.small_network import GROUPS, SmallTrunk, total_stride, widths_of
from inst.placement import Placement
from inst.shapes import Image

WIDTHS, FEATURES, SIDE = (40, 80, 112, 144), 96, 64


@runtime_checkable
class FaceIdentity(Protocol):
    """A frozen network that computes identity embeddings of faces."""

    def embed_faces(self, images: Image) -> Identity:
        """Identity embeddings, float32, of aligned faces of any size in [-1, 1]. Gradients flow to the images."""
        ...


class SmallIdentity(nn.Module):
    """Identity embeddings of small images of cartoon faces.

    The images are not cropped, because hair distinguishes cartoon faces as much as the face itself.

    Args:
        widths: channels of the trunk.
        features: width of the identity embedding.
        side: side in pixels of the square images that it was trained on.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, features: int = FEATURES, side: int = SIDE) -> None:
        super().__init__()
        self.side = side
        self.trunk = SmallTrunk(widths)
        self.identity = nn.Linear(self.trunk.features(side), features)

    def forward(self, images: Image) -> Identity:
        """Identity embeddings of images in [-1, 1] of the size that the network was trained on."""
        return functional.normalize(self.identity(self.trunk(images)).float())

    def embed_faces(self, images: Image) -> Identity:
        """Identity embeddings, float32, of faces of any size in [-1, 1]. Gradients flow to the images."""
        weight = self.identity.weight
        small = functional.adaptive_avg_pool2d(images, self.side)
        return self(small.to(weight.device, weight.dtype))


def load_identity(path: Path, placement: Placement) -> FaceIdentity:
    """Load an identity network of either kind, which is recognised by the names of its tensors.

    Args:
        path: a file of parameters, torch or safetensors.
        placement: the device and the precision of the network.

    Raises:
        InputError: the file is missing or damaged, or is not a file of parameters.
        ModelError: the parameters are those of another network.

    >>> from inst.assets import avatars_folder
    >>> from inst.placement import choose_placement
    >>> identity = load_identity(avatars_folder() / "identity.safetensors", choose_placement("cpu", "float32"))
    >>> identity.embed_faces(torch.zeros(2, 3, 128, 128)).shape
    torch.Size([2, 96])
    """
    state = parameters_of(read_checkpoint(path))
    if "trunk.read.weight" not in state:
        return arcface_of(state, path, placement)
    with torch.device("meta"):
        network = _of(state)
    load_parameters(network, state, f"{path} (expected: an identity network of python -m miniature.avatars.identity)")
    return network.eval().to(placement.device, placement.dtype)


def _of(state: Mapping[str, Tensor]) -> SmallIdentity:
    """A network of the size that the tensors imply.

    If the tensors imply none, a network of the default size is returned, so that loading reports the mismatch.
    """
    widths, identity = widths_of(state, "trunk"), state.get("identity.weight")
    if not widths or any(width % GROUPS or not width for width in widths) or identity is None or identity.ndim != 2:
        return SmallIdentity()
    features, trunk_features = identity.shape
    return SmallIdentity(widths, features, math.isqrt(trunk_features // widths[-1]) * total_stride(len(widths)))

"""ArcFace: face recognition embeddings, and the identity distance between two faces.

Deng et al. 2019, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition". The crop and the loss are those of
pSp (Richardson et al. 2021), e4e and StyleCLIP. They are only meaningful for faces that are aligned as in FFHQ.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from inst.files import load_parameters, parameters_of, read_checkpoint
from inst.perceptual.ir_se import IrSeLayout, body, input_layer, layout_of
from inst.placement import Placement
from inst.shapes import Image

Identity = Float[Tensor, "b f"]
"""Identity embeddings: unit vectors that are largely independent of pose, lighting and expression."""
CROP_SIDE, ROWS, COLUMNS = 256, slice(35, 223), slice(32, 220)
INPUT_SIDE = 112


class ArcFace(nn.Module):
    """The recognition network. :func:`load_arcface` returns it frozen and in evaluation mode.

    Args:
        layout: depth and widths of the residual network; the default is the published IR-SE50.
        features: width of the identity embedding.
    """

    def __init__(self, layout: IrSeLayout | None = None, features: int = 512) -> None:
        super().__init__()
        layout = layout or IrSeLayout()
        width, side = layout.widths[-1], INPUT_SIDE >> len(layout.widths)
        self.input_layer = input_layer(layout)
        self.body = body(layout)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Dropout(0.6),
            nn.Flatten(),
            nn.Linear(width * side * side, features),
            nn.BatchNorm1d(features),
        )

    def forward(self, faces: Float[Tensor, "b 3 112 112"]) -> Identity:
        """Identity embeddings of tightly cropped faces in [-1, 1]."""
        return functional.normalize(self.output_layer(self.body(self.input_layer(faces))))

    def embed_faces(self, images: Image) -> Identity:
        """Identity embeddings, float32, of aligned faces of any size in [-1, 1]. Gradients flow to the images."""
        weight = next(self.parameters())
        return self(crop_face(images).to(weight.device, weight.dtype)).float()


def crop_face(images: Image) -> Float[Tensor, "b 3 112 112"]:
    """Crop an aligned face to the region that the network was trained on, and resize it by averaging (no aliasing)."""
    if images.shape[-2:] != (CROP_SIDE, CROP_SIDE):
        images = functional.adaptive_avg_pool2d(images, CROP_SIDE)
    return functional.adaptive_avg_pool2d(images[..., ROWS, COLUMNS], INPUT_SIDE)


def identity_distance(first: Identity, second: Identity) -> Float[Tensor, " b"]:
    """The identity distance of each pair: 1 − cosine similarity, in [0, 2].

    It is 0 for the same face and about 1 for unrelated people. Its mean over the batch is the identity loss of
    StyleCLIP (Patashnik et al. 2021, eq. 2).

    >>> same = torch.nn.functional.normalize(torch.ones(1, 512))
    >>> round(identity_distance(same, same).item(), 4)
    0.0
    """
    return 1 - (first * second).sum(1)


def load_arcface(path: Path, placement: Placement) -> ArcFace:
    """Load the published ``model_ir_se50.pth``, a narrower network, or the same tensors as safetensors.

    Args:
        path: the file.
        placement: the device and the precision of the network.

    Raises:
        InputError: the file is missing or damaged, or is not a file of parameters.
        ModelError: the parameters are those of another network.
    """
    return arcface_of(parameters_of(read_checkpoint(path)), path, placement)


def arcface_of(state: Mapping[str, Tensor], path: Path, placement: Placement) -> ArcFace:
    """The network with the given parameters.

    Args:
        state: the parameters by name.
        path: the file that they were read from, for error messages.
        placement: the device and the precision of the network.

    Raises:
        ModelError: the parameters are those of another network.
    """
    features = state.get("output_layer.4.weight", torch.zeros(512)).numel()
    with torch.device("meta"):
        network = ArcFace(layout_of(state), features)
    load_parameters(network, state, f"{path} (expected: ArcFace, model_ir_se50.pth)")
    return network.eval().to(placement.device, placement.dtype)

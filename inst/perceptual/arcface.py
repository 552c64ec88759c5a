"""Who a face is: ArcFace features, and the distance between two faces' identities.

Deng et al. 2019; the crop and the loss are those of pSp (Richardson et al. 2021), e4e and StyleCLIP. Meaningful
for faces aligned as FFHQ's alone.
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
"""Unit vectors: what is left of a face when pose, light and expression are taken away."""
CROP_SIDE, ROWS, COLUMNS = 256, slice(35, 223), slice(32, 220)
INPUT_SIDE = 112


class ArcFace(nn.Module):
    """The recognition network, frozen and in evaluation mode once loaded.

    Args:
        layout: of its body; the default is the published IR-SE50.
        features: width of the identity.
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
        """Identities of tightly cropped faces in [-1, 1]."""
        return functional.normalize(self.output_layer(self.body(self.input_layer(faces))))

    def embed_faces(self, images: Image) -> Identity:
        """Identities in float32 of aligned faces of any size in [-1, 1]; gradients flow to the pictures."""
        weight = next(self.parameters())
        return self(crop_face(images).to(weight.device, weight.dtype)).float()


def crop_face(images: Image) -> Float[Tensor, "b 3 112 112"]:
    """The part of an aligned face that the recognition network was trained on; averaged, so that nothing aliases."""
    if images.shape[-2:] != (CROP_SIDE, CROP_SIDE):
        images = functional.adaptive_avg_pool2d(images, CROP_SIDE)
    return functional.adaptive_avg_pool2d(images[..., ROWS, COLUMNS], INPUT_SIDE)


def identity_distance(first: Identity, second: Identity) -> Float[Tensor, " b"]:
    """1 − cosine of each pair: 0 for the same face, about 1 for strangers. The mean over b is the published loss."""
    return 1 - (first * second).sum(1)


def load_arcface(path: Path, placement: Placement) -> ArcFace:
    """The published ``model_ir_se50.pth``, a narrower one, or the same tensors as safetensors.

    Raises:
        InputError: missing, damaged, or no file of parameters.
        ModelError: the parameters are those of another network.
    """
    return arcface_of(parameters_of(read_checkpoint(path)), path, placement)


def arcface_of(state: Mapping[str, Tensor], path: Path, placement: Placement) -> ArcFace:
    """The network with these parameters, read from ``path``.

    Raises:
        ModelError: the parameters are those of another network.
    """
    features = state.get("output_layer.4.weight", torch.zeros(512)).numel()
    with torch.device("meta"):
        network = ArcFace(layout_of(state), features)
    load_parameters(network, state, f"{path} (wanted: ArcFace, model_ir_se50.pth)")
    return network.eval().to(placement.device, placement.dtype)

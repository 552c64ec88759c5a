"""The e4e encoder, which maps faces to W+ (Tov et al. 2021, "Designing an Encoder for StyleGAN Image Manipulation").

Its codes stay close to W, which keeps them editable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from inst.errors import InputError, ModelError
from inst.files import load_parameters, parameters_of, read_checkpoint
from inst.gan.compact import CompactEncoder, compact_layout_of, is_compact
from inst.gan.equalized import EqualLinear
from inst.gan.trained import read_trained, save_trained
from inst.image import resize
from inst.perceptual.ir_se import Features, IrSeLayout, body, input_layer, layout_of
from inst.placement import Placement
from inst.shapes import Image, WPlus

COARSE_HEADS, MIDDLE_HEADS = 3, 7
"""Heads below COARSE_HEADS read the coarsest features, those below MIDDLE_HEADS the middle, the rest the finest."""


@dataclass(frozen=True, kw_only=True)
class EncoderLayout:
    """Sizes of an encoder; the defaults are those of the published encoder for 1024 px faces.

    Attributes:
        num_styles: number of layers k of W+, see `styles_of_resolution`.
        style_dim: width d of W+ and of the feature pyramid.
        input_size: side of the square input images, in pixels.
        trunk: layout of the IR-SE trunk; the pyramid takes the outputs of its second, third and fourth stage.
    """

    num_styles: int = 18
    style_dim: int = 512
    input_size: int = 256
    trunk: IrSeLayout = field(default_factory=IrSeLayout)


def styles_of_resolution(resolution: int) -> int:
    """Number of W+ layers of a generator: 18 at 1024 px, 14 at 256 px.

    Raises:
        ModelError: the resolution is not a power of two of at least 8.
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ModelError(
            f"a generator of {resolution} px does not exist: the resolution must be a power of two such as 256 or 1024"
        )
    return 2 * resolution.bit_length() - 4


class StyleHead(nn.Module):
    """Maps a feature map to one style: strided convolutions down to a single pixel, then a linear layer."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        steps = (nn.Conv2d(width, width, 3, 2, 1) for _ in range(int(math.log2(side))))
        self.convs = nn.Sequential(*(layer for conv in steps for layer in (conv, nn.LeakyReLU())))
        self.linear = EqualLinear(width, width)

    def forward(self, features: Features) -> Float[Tensor, "b c"]:
        return self.linear(self.convs(features).flatten(1))


class FaceEncoder(nn.Module):
    """Maps aligned faces to W+ as one base style and an offset for each further layer (Tov et al. 2021, section 4)."""

    def __init__(self, layout: EncoderLayout | None = None) -> None:
        super().__init__()
        self.layout = layout = layout or EncoderLayout()
        trunk, width = layout.trunk, layout.style_dim
        if len(trunk.widths) != 4 or trunk.widths[3] != width:
            raise ValueError(f"the trunk needs four stages, the last with {width} channels, got {trunk.widths}")
        self.input_layer = input_layer(trunk)
        self.body = body(trunk)
        self.latlayer1 = nn.Conv2d(trunk.widths[2], width, 1)
        self.latlayer2 = nn.Conv2d(trunk.widths[1], width, 1)
        coarse = layout.input_size // 16
        sides = (coarse << ((i >= COARSE_HEADS) + (i >= MIDDLE_HEADS)) for i in range(layout.num_styles))
        self.styles = nn.ModuleList(StyleHead(width, side) for side in sides)

    def forward(self, faces: Image) -> WPlus:
        """W+ codes relative to the generator's mean, of faces (b, 3, input_size, input_size) in [-1, 1]."""
        pyramid = self._pyramid(faces)
        levels = ((i >= COARSE_HEADS) + (i >= MIDDLE_HEADS) for i in range(len(self.styles)))
        first, *offsets = (head(pyramid[level]) for head, level in zip(self.styles, levels, strict=True))
        return torch.stack([first, *(first + offset for offset in offsets)], dim=1)

    def _pyramid(self, faces: Image) -> tuple[Tensor, Tensor, Tensor]:
        """Feature pyramid at 1/16, 1/8 and 1/4 of the input size, coarse features merged into finer ones."""
        x, features = self.input_layer(faces), []
        ends = self.layout.trunk.stage_ends[1:]
        for index, unit in enumerate(self.body):
            x = unit(x)
            if index in ends:
                features.append(x)
        fine, middle, coarse = features
        merged = _upsample_to(coarse, middle) + self.latlayer1(middle)
        return coarse, merged, _upsample_to(merged, fine) + self.latlayer2(fine)


def _upsample_to(x: Features, like: Float[Tensor, "b c2 h2 w2"]) -> Float[Tensor, "b c h2 w2"]:
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)


@dataclass(frozen=True)
class Encoder:
    """An encoder together with the mean code that its output is relative to.

    Attributes:
        network: frozen.
        mean: (k, d), added to every code; zeros if the encoder was trained without a mean.
        generator: fingerprint of the generator it was trained for, if the file records it.
        least_psnr: the reconstruction PSNR in dB that 99 % of the images in the generator's domain reach or exceed;
            ``None`` if it was not measured.
        num_styles: number of layers k of W+.
    """

    network: FaceEncoder | CompactEncoder
    mean: Float[Tensor, "k d"]
    generator: str | None = None
    least_psnr: float | None = None

    @property
    def num_styles(self) -> int:
        return self.network.layout.num_styles

    @torch.no_grad()
    def encode_face(self, images: Image) -> WPlus:
        """W+ codes, float32, of aligned images in [-1, 1], which are resized to the encoder's input width.

        Raises:
            InputError: the images are taller than wide, or at least twice as wide as tall (faces are square, the
                published cars 4:3); for a compact encoder, the images are not square.
        """
        size, (height, width) = self.network.layout.input_size, images.shape[-2:]
        fits = height == width if isinstance(self.network, CompactEncoder) else width / 2 < height <= width
        if not fits:
            raise InputError(f"an image of {width}x{height} pixels cannot be encoded: give an aligned, square face")
        faces = resize(images, round(size * height / width), size).to(self.mean)
        return self.network(faces).float() + self.mean.float()


def load_encoder(path: Path, placement: Placement) -> Encoder:
    """Loads an encoder4editing checkpoint (``state_dict`` with ``encoder.*``, ``latent_avg``, ``opts``) or one of ours.

    The sizes are derived from the shapes of the parameters. Published checkpoints also contain the generator:
    ``parameters_of(read_checkpoint(path), "decoder")``.

    Raises:
        InputError: the file is missing, damaged or unsafe.
        ModelError: the file is of another kind, or the encoder lacks its mean.
    """
    checkpoint = read_checkpoint(path)
    state = parameters_of(checkpoint, "encoder")
    if is_compact(state):
        return _load_compact(path, state, placement)
    if "styles.0.linear.weight" not in state:
        raise ModelError(f"{path} holds no e4e encoder (encoder.styles.*): give a file like e4e_ffhq_encode.pt")
    layout = _layout_of(state)
    if len(layout.trunk.widths) != 4 or layout.trunk.widths[3] != layout.style_dim:
        raise ModelError(
            f"{path} holds an encoder with stages of {layout.trunk.widths} channels for codes of width "
            f"{layout.style_dim}: four stages are needed, the last as wide as the codes, as in e4e"
        )
    with torch.device("meta"):
        network = FaceEncoder(layout)
    load_parameters(network, state, str(path))
    mean = _mean(path, checkpoint, network.layout)
    network.eval().to(placement.device, placement.dtype)
    return Encoder(network, mean.to(placement.device, placement.dtype))


def _load_compact(path: Path, state: Mapping[str, Tensor], placement: Placement) -> Encoder:
    layout, trained = compact_layout_of(state), read_trained(path)
    with torch.device("meta"):
        network = CompactEncoder(layout)
    load_parameters(network, state, str(path))
    # the network is small enough to run in float32, which its group norms need
    network.eval().to(placement.device)
    least = trained.metadata.get("least_psnr")
    mean = network.mean.expand(layout.num_styles, -1).clone()
    return Encoder(network, mean, trained.generator, float(least) if isinstance(least, int | float) else None)


def save_encoder(path: Path, network: CompactEncoder, metadata: Mapping[str, Any]) -> None:
    """Writes a compact encoder in float16.

    Args:
        path: the safetensors file.
        network: the trained encoder.
        metadata: ``generator`` (fingerprint of the generator it was trained for), ``least_psnr`` in dB, and how the
            latter was measured.

    Raises:
        InputError: the file cannot be written.
    """
    save_trained(path, network, {"kind": "encoder", **metadata}, None, prefix="encoder.", dtype=torch.float16)


def _layout_of(state: Mapping[str, Tensor]) -> EncoderLayout:
    num_styles = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("styles."))
    convolutions = {key for key in state if key.startswith("styles.0.convs.") and key.endswith(".weight")}
    trunk = layout_of(state)
    width = state["styles.0.linear.weight"].shape[0]
    return EncoderLayout(num_styles=num_styles, style_dim=width, input_size=16 << len(convolutions), trunk=trunk)


def _mean(path: Path, checkpoint: Mapping[str, Any], layout: EncoderLayout) -> Float[Tensor, "k d"]:
    options = checkpoint.get("opts")
    shape = (layout.num_styles, layout.style_dim)
    # a file without options holds an extracted encoder; all published encoders are relative to the mean
    if isinstance(options, Mapping) and not options.get("start_from_latent_avg", True):
        return torch.zeros(shape)
    mean = checkpoint.get("latent_avg")
    if (
        not isinstance(mean, Tensor)
        or mean.shape[-1] != layout.style_dim
        or mean.numel() not in (shape[1], shape[0] * shape[1])
    ):
        raise ModelError(f"{path} lacks latent_avg of shape {shape}, the mean that the encoder's codes are relative to")
    return mean.float().expand(shape).clone()

"""Generator, CLIP and ArcFace of the published size, of the embedded size, or narrow, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from inst.assets import mini_folder
from inst.clip import load_clip
from inst.clip.open_clip import OpenClipBackbone
from inst.gan.architecture import GeneratorConfig
from inst.gan.generator import Generator
from inst.perceptual.arcface import ArcFace
from inst.perceptual.ir_se import IrSeLayout
from inst.placement import Placement
from miniature.avatars.generator.train import config as embedded_config

NARROW_IDENTITY = IrSeLayout(widths=(16, 32, 64, 128), units=(1, 1, 1, 1), reduction=8)


@dataclass(frozen=True, kw_only=True)
class GanSize:
    """Sizes of the networks.

    Attributes:
        clip: open_clip's name of an architecture; ``None`` for the embedded CLIP with its trained weights.
        batch: suitable batch size on a CPU.
    """

    title: str
    generator: GeneratorConfig
    clip: str | None = None
    identity: IrSeLayout = NARROW_IDENTITY
    batch: int


SIZES = {
    "1024": GanSize(
        title="1024 px",
        generator=GeneratorConfig(channels=(512,) * 5 + (256, 128, 64, 32), mapping_widths=(512,) * 9),
        clip="ViT-B-32-quickgelu",
        identity=IrSeLayout(),
        batch=4,
    ),
    "embedded": GanSize(title="embedded, 64 px", generator=embedded_config(64), batch=16),
    "tiny": GanSize(title="32 px", generator=GeneratorConfig(channels=(8, 8, 6, 6), mapping_widths=(24,) * 3), batch=4),
}
"""StyleGAN2-FFHQ's config-f with ViT-B/32 and IR-SE50; the embedded size; a narrow one for quick trials."""


@dataclass(frozen=True)
class Networks:
    """A generator and the networks that evaluate its images, frozen."""

    generator: Generator
    clip: OpenClipBackbone
    arcface: ArcFace

    def unfreeze(self) -> Networks:
        """Compute gradients of all weights, as the published code does."""
        for network in (self.generator, self.clip.model, self.arcface):
            network.requires_grad_(True)
        return self


def random_networks(size: GanSize, placement: Placement) -> Networks:
    """The networks; their weights are the same in every call."""
    torch.manual_seed(0)
    return Networks(_generator(size, placement), _clip(size, placement), _arcface(size, placement))


def _generator(size: GanSize, placement: Placement) -> Generator:
    """A generator whose noise has an effect and whose images lie in [-1, 1], so that CLIP's input is not clipped."""
    generator = Generator(size.generator).initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for conv in generator.convs:
            conv.noise_strength.fill_(0.1)
        for layer in generator.to_rgbs:
            layer.weight.mul_(0.1)
    return generator.requires_grad_(False).eval().place(placement)


def _clip(size: GanSize, placement: Placement) -> OpenClipBackbone:
    if size.clip is None:
        clip = load_clip(f"local-dir:{mini_folder() / 'clip'}", placement)
        assert isinstance(clip, OpenClipBackbone)
        return clip
    import open_clip

    tokenize: Callable[[list[str]], torch.Tensor] = open_clip.get_tokenizer(size.clip)
    model: Any = open_clip.create_model(size.clip, pretrained=None)
    return OpenClipBackbone(size.clip, model, tokenize, placement)


def _arcface(size: GanSize, placement: Placement) -> ArcFace:
    return ArcFace(size.identity).requires_grad_(False).eval().to(placement.device, placement.dtype)

"""The only view of a CLIP model: open_clip's and transformers' look alike from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from inst.shapes import Image, ImageEmbeds, PatchEmbeds

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


@runtime_checkable
class ClipBackbone(Protocol):
    """A frozen CLIP. Embeddings are projected into the shared space, not normalised, float32.

    Gradients flow to the pictures. Pictures of any size are brought to the model's own: antialiased, short side, centre
    crop, its mean and deviation.

    Attributes:
        name: what it was loaded as.
        embed_dim: width of the shared space.
        image_size: side of the square the vision tower sees.
    """

    name: str
    embed_dim: int
    image_size: int

    def embed_images(self, images: Image) -> ImageEmbeds:
        """One embedding a picture."""
        ...

    def embed_patches(self, images: Image) -> PatchEmbeds:
        """The vision tower's patch tokens after its final norm and projection, row by row.

        Raises:
            ModelError: this vision tower has no such tokens.
        """
        ...

    def embed_both(self, images: Image) -> tuple[ImageEmbeds, PatchEmbeds]:
        """Both of them in one pass."""
        ...

    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        """One embedding a text; a text that is too long is cut."""
        ...


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a vision tower wants its pictures.

    Attributes:
        size: side of the square.
        mean, std: per channel, for values in [0, 1].
        interpolation: of the resizing, antialiased.
        resize_mode: ``shortest`` keeps the aspect ratio and crops the centre, ``squash`` does not keep it.
    """

    size: int
    mean: tuple[float, ...] = OPENAI_MEAN
    std: tuple[float, ...] = OPENAI_STD
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    resize_mode: Literal["shortest", "squash"] = "shortest"

    def __call__(self, images: Image) -> Tensor:
        """Pictures in [-1, 1] to the vision tower's input, b 3 size size."""
        resized = images.float() if self._fits(images) else self._crop(self._resize(images.float()))
        # bicubic overshoots; a picture on the disk, which the model was trained on, cannot
        unit = (resized / 2 + 0.5).clamp(0, 1)
        mean = torch.tensor(self.mean, device=images.device).view(3, 1, 1)
        return (unit - mean) / torch.tensor(self.std, device=images.device).view(3, 1, 1)

    def _fits(self, images: Tensor) -> bool:
        return images.shape[-2:] == (self.size, self.size)

    def _resize(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        short = min(height, width)
        # truncated, as torchvision's Resize does
        size = (int(self.size * height / short), int(self.size * width / short))
        if self.resize_mode == "squash":
            size = (self.size, self.size)
        return functional.interpolate(images, size=size, mode=self.interpolation, antialias=True, align_corners=False)

    def _crop(self, images: Tensor) -> Tensor:
        top, left = (round((side - self.size) / 2) for side in images.shape[-2:])
        return images[..., top : top + self.size, left : left + self.size]

"""The interface of all CLIP models, whether they are loaded with open_clip or with transformers.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
"""

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
    """A frozen CLIP model.

    Embeddings are projected into the space shared by images and texts, not normalised, and float32. Gradients flow to
    the images. Images of any size are accepted and preprocessed as the model expects (see :class:`Preprocessing`).

    Attributes:
        name: the name that the model was loaded by.
        embed_dim: width e of the embeddings.
        image_size: side in pixels of the square input of the vision tower.
    """

    name: str
    embed_dim: int
    image_size: int

    def embed_images(self, images: Image) -> ImageEmbeds:
        """Embeddings of images in [-1, 1], one per image."""
        ...

    def embed_patches(self, images: Image) -> PatchEmbeds:
        """Patch embeddings of images in [-1, 1]: the patch tokens after the final norm and projection, in row order.

        Raises:
            ModelError: the vision tower has no patch tokens in the embedding space (a ResNet, for example).
        """
        ...

    def embed_both(self, images: Image) -> tuple[ImageEmbeds, PatchEmbeds]:
        """Image and patch embeddings of images in [-1, 1], in one forward pass.

        Raises:
            ModelError: as in :meth:`embed_patches`.
        """
        ...

    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        """Embeddings of texts, one per text. Texts longer than the model's context length are truncated."""
        ...


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The preprocessing that a vision tower was trained with.

    Attributes:
        size: side of the square input in pixels.
        mean, std: per channel, for values in [0, 1].
        interpolation: for resizing, always antialiased.
        resize_mode: ``shortest`` resizes the short side and crops the centre; ``squash`` resizes to a square without
            keeping the aspect ratio.

    >>> import torch
    >>> Preprocessing(size=224)(torch.zeros(1, 3, 300, 400)).shape
    torch.Size([1, 3, 224, 224])
    """

    size: int
    mean: tuple[float, ...] = OPENAI_MEAN
    std: tuple[float, ...] = OPENAI_STD
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    resize_mode: Literal["shortest", "squash"] = "shortest"

    def __call__(self, images: Image) -> Tensor:
        """The input (b, 3, size, size) of the vision tower for images in [-1, 1]."""
        resized = images.float() if self._fits(images) else self._crop(self._resize(images.float()))
        # Bicubic interpolation overshoots [0, 1], which the 8-bit images that the model was trained on cannot.
        unit = (resized / 2 + 0.5).clamp(0, 1)
        mean = torch.tensor(self.mean, device=images.device).view(3, 1, 1)
        return (unit - mean) / torch.tensor(self.std, device=images.device).view(3, 1, 1)

    def _fits(self, images: Tensor) -> bool:
        return images.shape[-2:] == (self.size, self.size)

    def _resize(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        short = min(height, width)
        # Truncated to integers, as in torchvision's Resize.
        size = (int(self.size * height / short), int(self.size * width / short))
        if self.resize_mode == "squash":
            size = (self.size, self.size)
        return functional.interpolate(images, size=size, mode=self.interpolation, antialias=True, align_corners=False)

    def _crop(self, images: Tensor) -> Tensor:
        top, left = (round((side - self.size) / 2) for side in images.shape[-2:])
        return images[..., top : top + self.size, left : left + self.size]

"""Loss terms of the editing methods: CLIP distance between images and texts, and checks of losses and weights.

Patashnik et al. 2021 (StyleCLIP), equation 1. The published code passes images in [-1, 1] to CLIP without normalising
them by CLIP's mean and standard deviation; its loss weights and released mappers depend on that.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone, Preprocessing
from inst.errors import ConfigError
from inst.perceptual.identity import FaceIdentity
from inst.shapes import Image, ImageEmbeds


@functools.lru_cache(maxsize=16)
def area_matrix(size: int, new_size: int) -> Float[Tensor, "new_size size"]:
    """Matrix of area resampling from ``size`` to ``new_size`` pixels; each row sums to 1.

    For a ``new_size`` of 224 it is equal to StyleCLIP's nearest-neighbour upsampling by 7 followed by average pooling
    by ``size // 32``.
    """
    edges = torch.arange(new_size + 1, dtype=torch.float64) * (size / new_size)
    pixels = torch.arange(size, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return (covered.clamp(min=0) * (new_size / size)).float()


def area_resize(images: Image, side: int) -> Float[Tensor, "b 3 side side"]:
    """Area resampling to squares of ``side`` pixels: ``A x Aᵀ`` avoids upsampling to 7 × 7 times the pixels."""
    rows, columns = (area_matrix(length, side).to(images) for length in images.shape[-2:])
    return rows @ images @ columns.T


class ClipView:
    """A CLIP model with the image preprocessing of StyleCLIP.

    Args:
        clip: any backbone; the published one is ViT-B/32 with OpenAI's weights.
        published: pass images to the vision tower in [-1, 1] as StyleCLIP does; ``False`` applies CLIP's own
            normalisation.
    """

    def __init__(self, clip: ClipBackbone, *, published: bool = True) -> None:
        self.clip = clip
        self.published = published
        preprocessing = getattr(clip, "preprocessing", None)
        self._preprocessing = preprocessing or Preprocessing(size=clip.image_size)

    def embed_images(self, images: Image) -> ImageEmbeds:
        """Embeddings (b, e) of images in [-1, 1], not normalised; differentiable with respect to the images."""
        resized = area_resize(images, self.clip.image_size)
        return self.clip.embed_images(self._invert_normalisation(resized) if self.published else resized)

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        """Embeddings (b, e) of texts, not normalised."""
        return self.clip.embed_text(texts)

    def distance(self, images: Image, texts: Float[Tensor, "b e"]) -> Float[Tensor, " b"]:
        """D_CLIP of equation 1: 1 − cosine between each image and its text, in [0, 2]; about 0.7 for good edits."""
        return 1 - functional.cosine_similarity(self.embed_images(images), texts.to(images.device))

    def _invert_normalisation(self, images: Image) -> Image:
        """The input that the backbone normalises to ``images``; it is in [-1, 1], so nothing is clamped."""
        mean, std = (images.new_tensor(v).view(3, 1, 1) for v in (self._preprocessing.mean, self._preprocessing.std))
        return 2 * (images * std + mean) - 1


def jittered(images: Image, strength: float, rng: torch.Generator) -> Image:
    """Images with added noise and a random shift, so that optimisation cannot exploit adversarial patterns of CLIP.

    This is the idea of AugCLIP (Liu et al. 2021, FuseDream). All images of the batch get the same noise and shift, so
    the result for an image does not depend on the rest of the batch.

    Args:
        images: (b, 3, h, w) in [-1, 1].
        strength: standard deviation of the noise; the largest shift is half this fraction of the shorter side. 0
            returns the images unchanged.
        rng: random generator on the CPU.
    """
    if not strength:
        return images
    noise = torch.randn(1, *images.shape[1:], generator=rng).to(images)
    max_shift = round(strength / 2 * min(images.shape[-2:]))
    down, right = torch.randint(-max_shift, max_shift + 1, (2,), generator=rng).tolist()
    return torch.roll(images + strength * noise, (down, right), (2, 3))


def check_weights(**weights: float) -> None:
    """Checks that loss weights are finite and not negative.

    Raises:
        ConfigError: names the first weight that is negative, NaN or Inf.
    """
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise ConfigError(f"{name}={weight} is out of range: give 0 or more")


def required_identity_network(identity_weight: float, arcface: FaceIdentity | None) -> FaceIdentity | None:
    """The identity network if the identity loss has a weight, otherwise ``None``.

    Raises:
        ConfigError: the weight is not 0 and there is no network.
    """
    if identity_weight and arcface is None:
        raise ConfigError("the identity loss needs the weights of ArcFace: give them, or set identity_weight=0")
    return arcface if identity_weight else None


def check_finite(loss: Float[Tensor, ""]) -> None:
    """Checks a loss before the update, so that NaN or Inf never reaches the parameters.

    Raises:
        ConfigError: the loss is NaN or Inf.
    """
    if not torch.isfinite(loss):
        raise ConfigError("the loss is not a number: use a lower learning rate")

"""How far pictures are from a text for CLIP, and how far faces are from who they were.

Patashnik et al. 2021 (StyleCLIP), equation 1. The published code hands CLIP its pictures in [-1, 1] as they are,
without CLIP's mean and deviation; the weights of its losses, and its released mappers, were found with that.
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
    """Weights that average ``size`` pixels to ``new_size``, each by the share of it that an output pixel covers.

    The published path, nearest-neighbour enlargement by 7 and average pooling by ``size // 32``, is this for 224.
    """
    edges = torch.arange(new_size + 1, dtype=torch.float64) * (size / new_size)
    pixels = torch.arange(size, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return (covered.clamp(min=0) * (new_size / size)).float()


def average_to(images: Image, side: int) -> Float[Tensor, "b 3 side side"]:
    """Pictures averaged to squares of ``side``, ``A x Aᵀ``: two products instead of 7 × 7 times the pixels."""
    rows, columns = (area_matrix(length, side).to(images) for length in images.shape[-2:])
    return rows @ images @ columns.T


class ClipView:
    """CLIP as StyleCLIP looks through it.

    Args:
        clip: any backbone; the published one is ViT-B/32 with OpenAI's weights.
        published: pictures reach the vision tower in [-1, 1] as they are; ``False`` gives it what it was trained on.
    """

    def __init__(self, clip: ClipBackbone, *, published: bool = True) -> None:
        self.clip = clip
        self.published = published
        preprocessing = getattr(clip, "preprocessing", None)
        self._preprocessing = preprocessing or Preprocessing(size=clip.image_size)

    def embed_images(self, images: Image) -> ImageEmbeds:
        """Embeddings of pictures in [-1, 1], not normalised; gradients flow to the pictures."""
        seen = average_to(images, self.clip.image_size)
        return self.clip.embed_images(self._undo_normalising(seen) if self.published else seen)

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        return self.clip.embed_text(texts)

    def distance(self, images: Image, texts: Float[Tensor, "b e"]) -> Float[Tensor, " b"]:
        """1 − cosine of each picture with its text's embedding; 0 to 2, for good edits about 0.7."""
        return 1 - functional.cosine_similarity(self.embed_images(images), texts.to(images.device))

    def _undo_normalising(self, images: Image) -> Image:
        """What the backbone's own normalising turns into ``images``; inside [-1, 1], where it clamps nothing."""
        mean, std = (images.new_tensor(v).view(3, 1, 1) for v in (self._preprocessing.mean, self._preprocessing.std))
        return 2 * (images * std + mean) - 1


def jittered(images: Image, strength: float, rng: torch.Generator) -> Image:
    """Pictures in noise and shifted, all by the same, so that none depends on those beside it.

    CLIP's score then rises by what is there, not by a pattern that only CLIP sees: the idea of AugCLIP (Liu et al.
    2021, FuseDream).

    Args:
        strength: deviation of the noise, and twice the share of a side that pictures are shifted by at most.
    """
    if not strength:
        return images
    noise = torch.randn(1, *images.shape[1:], generator=rng).to(images)
    furthest = round(strength / 2 * min(images.shape[-2:]))
    down, right = torch.randint(-furthest, furthest + 1, (2,), generator=rng).tolist()
    return torch.roll(images + strength * noise, (down, right), (2, 3))


def check_weights(**weights: float) -> None:
    """Refuses weights of losses that are negative, NaN or Inf.

    Raises:
        ConfigError: naming the first.
    """
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise ConfigError(f"{name}={weight} is out of range: give 0 or more")


def faces_for(identity_weight: float, arcface: FaceIdentity | None) -> FaceIdentity | None:
    """The network that a weight needs; ``None`` where it needs none.

    Raises:
        ConfigError: a weight without a network.
    """
    if identity_weight and arcface is None:
        raise ConfigError("identity_weight needs ArcFace's weights: give them, or identity_weight=0")
    return arcface if identity_weight else None


def check_finite(loss: Float[Tensor, ""]) -> None:
    """Refuses a loss that is NaN or Inf before it reaches what is learned.

    Raises:
        ConfigError: it is.
    """
    if not torch.isfinite(loss):
        raise ConfigError("the loss is not a number: give a lower learning rate")

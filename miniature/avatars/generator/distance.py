"""Distance of two sets of images without a feature network.

Sliced Wasserstein distance of patches at three scales (Karras et al. 2018, section 5), as `inst.metrics.style` computes
it for two single images. It is sensitive to mode collapse as well as to blur.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.metrics.style import Signature, signature_distance

SCALES = (1, 2, 4)
PATCH, PER_IMAGE, PROJECTIONS = 7, 8, 256


def set_signature(images: Float[Tensor, "n 3 h w"]) -> Signature:
    """Sorted projections of random 7×7 patches at each scale.

    Positions and directions depend only on the number of images.

    Args:
        images: about [-1, 1]; they are clamped and compared in [0, 1].
    """
    rng = torch.Generator().manual_seed(0)
    directions = functional.normalize(torch.randn(3 * PATCH**2, PROJECTIONS, generator=rng), dim=0)
    unit = (images.float().clamp(-1, 1) + 1) / 2
    return torch.stack([_projections(functional.avg_pool2d(unit, scale), directions, rng) for scale in SCALES])


def set_distance(first: Float[Tensor, "n 3 h w"], second: Float[Tensor, "n 3 h w"]) -> float:
    """The distance, 0 for equal sets; both sets have the same number of images of the same size."""
    return signature_distance(set_signature(first), set_signature(second))


def _projections(
    images: Float[Tensor, "n 3 h w"], directions: Float[Tensor, "d k"], rng: torch.Generator
) -> Float[Tensor, "k m"]:
    side = min(PATCH, images.shape[-1])
    directions = directions[: 3 * side**2]
    windows = images.unfold(2, side, 1).unfold(3, side, 1)  # n, 3, rows, columns, side, side
    count, _, rows, columns = windows.shape[:4]
    image = torch.arange(count).repeat(PER_IMAGE)
    row, column = (torch.randint(limit, (len(image),), generator=rng) for limit in (rows, columns))
    patches = windows[image, :, row, column].flatten(1)
    return torch.from_numpy(np.sort((directions.T @ patches.T).numpy(), axis=1))

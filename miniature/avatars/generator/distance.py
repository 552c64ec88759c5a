"""How far made pictures are from real ones as two crowds, without any network.

Sliced Wasserstein distance of patches at three scales (Karras et al. 2018, section 5), as `inst.metrics.style` computes
it of two single pictures. A crowd that repeats one picture is as far off as one of blurred pictures.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.metrics.style import Signature, signature_distance

SCALES = (1, 2, 4)
PATCH, PER_PICTURE, PROJECTIONS = 7, 8, 256


def crowd_signature(pictures: Float[Tensor, "n 3 h w"]) -> Signature:
    """Sorted views of random 7×7 patches at each scale; places and directions follow from the number of pictures alone.

    Args:
        pictures: about [-1, 1]; compared are [0, 1].
    """
    rng = torch.Generator().manual_seed(0)
    directions = functional.normalize(torch.randn(3 * PATCH**2, PROJECTIONS, generator=rng), dim=0)
    unit = (pictures.float().clamp(-1, 1) + 1) / 2
    return torch.stack([_views(functional.avg_pool2d(unit, scale), directions, rng) for scale in SCALES])


def crowd_distance(first: Float[Tensor, "n 3 h w"], second: Float[Tensor, "n 3 h w"]) -> float:
    """0 for equal crowds; pictures of one size, as many in both."""
    return signature_distance(crowd_signature(first), crowd_signature(second))


def _views(
    pictures: Float[Tensor, "n 3 h w"], directions: Float[Tensor, "d k"], rng: torch.Generator
) -> Float[Tensor, "k m"]:
    side = min(PATCH, pictures.shape[-1])
    directions = directions[: 3 * side**2]
    windows = pictures.unfold(2, side, 1).unfold(3, side, 1)  # n, 3, rows, columns, side, side
    count, _, rows, columns = windows.shape[:4]
    picture = torch.arange(count).repeat(PER_PICTURE)
    row, column = (torch.randint(limit, (len(picture),), generator=rng) for limit in (rows, columns))
    patches = windows[picture, :, row, column].flatten(1)
    return torch.from_numpy(np.sort((directions.T @ patches.T).numpy(), axis=1))

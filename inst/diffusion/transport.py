"""Patch transport: what a step expects the picture to become is moved until its patches are those of the painting.

Not part of InST. The distribution of latent patches, every one a point, is transferred along the axes of a few random
rotations (iterative distribution transfer, Pitié et al. 2007), and overlapping patches are averaged, as in synthesis by
direct patch distribution matching (Elnekave & Weiss 2022). Done to the clean picture that each step of a sampler
expects, the model has the remaining steps to make strokes of it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.diffusion.schedule import EpsModel, NoiseSchedule, remove_noise
from inst.shapes import Latents, Timesteps

PATCH = 3
SCALES = (4, 2, 1)
"""By how much latents are made smaller before patches are cut: masses first, strokes last."""
ROTATIONS, QUANTILES = 2, 32

PatchDistribution = Float[Tensor, "scales rotations pd q"]
"""Quantiles of a picture's patches along the pd axes of each rotation, at every scale; pd = channels · PATCH²."""


def patch_distribution(latents: Float[Tensor, "1 c lh lw"]) -> PatchDistribution:
    """Of a painting's latents; where a scale leaves less than a patch of them, their rim is repeated."""
    levels = ((torch.arange(QUANTILES) + 0.5) / QUANTILES).tolist()
    found = []
    for scale in SCALES:
        small = _smaller(latents.float(), scale)
        down, right = (max(0, PATCH - side) for side in small.shape[2:])
        patches = _patches(functional.pad(small, (0, right, 0, down), mode="replicate"))[0]
        seen = torch.stack([_rotation(index, len(patches)).to(patches) @ patches for index in range(ROTATIONS)])
        # torch.quantile takes no more than 2^24 numbers; sorting takes any
        ordered = seen.sort(-1).values
        found.append(ordered[..., [int(level * ordered.shape[-1]) for level in levels]])
    return torch.stack(found)


def is_distribution(patches: Tensor, channels: int | None = None) -> bool:
    """Whether a tensor from a file can be one, of latents of so many channels where that is known."""
    if patches.ndim != 4 or patches.shape[:2] != (len(SCALES), ROTATIONS) or not torch.isfinite(patches).all():
        return False
    dim, count = patches.shape[2:]
    return count > 0 and dim > 0 and (dim % PATCH**2 == 0 if channels is None else dim == channels * PATCH**2)


def transport(x0: Latents, painting: PatchDistribution, share: float = 1.0) -> Latents:
    """Each picture of a batch moved toward the painting's distribution of patches, by itself.

    Args:
        share: how far, 0–1.
    """
    moved = x0.float()
    for scale, rotations in zip(SCALES, painting.to(moved), strict=True):
        if min(x0.shape[2:]) < PATCH * scale:
            continue
        for index, quantiles in enumerate(rotations):
            small = _smaller(moved, scale)
            move = _transfer(small, _rotation(index, len(quantiles)).to(moved), quantiles)
            if scale > 1:
                move = functional.interpolate(move, moved.shape[2:], mode="bilinear")
            moved = moved + share * move
    return moved.to(x0.dtype)


def with_transport(eps_model: EpsModel, schedule: NoiseSchedule, painting: PatchDistribution, share: float) -> EpsModel:
    """The noise predictor whose clean picture ``(x_t - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar)`` is transported."""

    def transported(latents: Latents, t: Timesteps) -> Latents:
        noisy = latents.float()
        x0 = remove_noise(schedule, noisy, eps_model(latents, t).float(), t)
        x0 = transport(x0, painting, share)
        alpha_bar = schedule.at(t, noisy)
        return ((noisy - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()).to(latents.dtype)

    return transported


def _transfer(
    x: Latents, rotation: Float[Tensor, "d d"], quantiles: Float[Tensor, "d q"]
) -> Float[Tensor, "b c lh lw"]:
    """By how much every place has to move: along each axis the n-th smallest patch goes where the painting's is."""
    patches = _patches(x)
    ordered, order = (rotation @ patches).sort(-1)
    wanted = functional.interpolate(quantiles[None], patches.shape[-1], mode="linear")
    moves = rotation.T @ torch.zeros_like(ordered).scatter(-1, order, wanted - ordered)
    size = x.shape[2:]
    return functional.fold(moves, size, PATCH) / functional.fold(torch.ones_like(moves[:1]), size, PATCH)


def _patches(x: Latents) -> Float[Tensor, "b d n"]:
    return functional.unfold(x, PATCH)


def _smaller(x: Latents, scale: int) -> Float[Tensor, "b c sh sw"]:
    return functional.avg_pool2d(x, scale, ceil_mode=True, count_include_pad=False) if scale > 1 else x


@lru_cache(maxsize=8)
def _rotation(index: int, dim: int) -> Float[Tensor, "d d"]:
    """The same on every machine: files hold what was seen along its axes. Haar-distributed (Mezzadri 2007)."""
    # NumPy promises that RandomState's numbers never change
    q, r = np.linalg.qr(np.random.RandomState(index).standard_normal((dim, dim)))
    return torch.from_numpy(q * np.sign(np.diag(r))).float()

"""Patch transport: at each sampling step, the patches of the predicted clean latents are moved toward the painting's.

This is not part of InST. Each patch of the latents is a point in a high-dimensional space. The distribution of these
points is matched to the painting's along the axes of a few random rotations (iterative distribution transfer, Pitié et
al. 2007), and overlapping patches are averaged, as in direct patch distribution matching (Elnekave & Weiss 2022). As it
is applied to the clean latents predicted at each step, the model can turn the result into brush strokes in the
remaining steps.
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
"""Downscaling factors of the latents before patches are extracted: first the coarse layout, last the brush strokes."""
ROTATIONS, QUANTILES = 2, 32

PatchDistribution = Float[Tensor, "scales rotations pd q"]
"""Quantiles of an image's patches along the pd axes of each rotation, at each scale; pd = channels · PATCH²."""


def patch_distribution(latents: Float[Tensor, "1 c lh lw"]) -> PatchDistribution:
    """The patch distribution of a painting's latents, which :func:`transport` moves other latents toward.

    Latents that are smaller than one patch at some scale are padded by repeating their border.
    """
    levels = ((torch.arange(QUANTILES) + 0.5) / QUANTILES).tolist()
    distributions = []
    for scale in SCALES:
        small = _downscale(latents.float(), scale)
        down, right = (max(0, PATCH - side) for side in small.shape[2:])
        patches = _patches(functional.pad(small, (0, right, 0, down), mode="replicate"))[0]
        projected = torch.stack([_rotation(index, len(patches)).to(patches) @ patches for index in range(ROTATIONS)])
        # torch.quantile is limited to 2^24 values; sorting is not.
        ordered = projected.sort(-1).values
        distributions.append(ordered[..., [int(level * ordered.shape[-1]) for level in levels]])
    return torch.stack(distributions)


def is_distribution(patches: Tensor, channels: int | None = None) -> bool:
    """Whether a tensor read from a file is a valid patch distribution.

    Args:
        patches: the tensor to check.
        channels: number of latent channels it must have been computed from; ``None`` accepts any.
    """
    if patches.ndim != 4 or patches.shape[:2] != (len(SCALES), ROTATIONS) or not torch.isfinite(patches).all():
        return False
    dim, count = patches.shape[2:]
    return count > 0 and dim > 0 and (dim % PATCH**2 == 0 if channels is None else dim == channels * PATCH**2)


def transport(x0: Latents, painting: PatchDistribution, share: float = 1.0) -> Latents:
    """Move the patches of each image of a batch toward the painting's patch distribution.

    Args:
        x0: clean latents, each image processed on its own. A scale at which they are smaller than a patch is skipped.
        painting: from :func:`patch_distribution`.
        share: how far to move, in [0, 1]: 0 changes nothing, 1 matches the distribution along each axis.
    """
    moved = x0.float()
    for scale, rotations in zip(SCALES, painting.to(moved), strict=True):
        if min(x0.shape[2:]) < PATCH * scale:
            continue
        for index, quantiles in enumerate(rotations):
            small = _downscale(moved, scale)
            move = _transfer(small, _rotation(index, len(quantiles)).to(moved), quantiles)
            if scale > 1:
                move = functional.interpolate(move, moved.shape[2:], mode="bilinear")
            moved = moved + share * move
    return moved.to(x0.dtype)


def with_transport(eps_model: EpsModel, schedule: NoiseSchedule, painting: PatchDistribution, share: float) -> EpsModel:
    """A noise predictor whose implied clean latents have been transported.

    The clean latents ``x0 = (x_t - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar)`` are transported, and the noise is the
    one that leads from them to ``x_t``.

    Args:
        eps_model: the noise predictor to wrap.
        schedule: the noise schedule.
        painting: from :func:`patch_distribution`.
        share: how far to move, in [0, 1].
    """

    def transported(latents: Latents, t: Timesteps) -> Latents:
        noisy = latents.float()
        x0 = remove_noise(schedule, noisy, eps_model(latents, t).float(), t)
        x0 = transport(x0, painting, share)
        alpha_bar = schedule.alpha_bar_at(t, noisy)
        return ((noisy - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()).to(latents.dtype)

    return transported


def _transfer(
    x: Latents, rotation: Float[Tensor, "d d"], quantiles: Float[Tensor, "d q"]
) -> Float[Tensor, "b c lh lw"]:
    """The displacement of each position: along each axis, patches are mapped by rank to the painting's quantiles."""
    patches = _patches(x)
    ordered, order = (rotation @ patches).sort(-1)
    wanted = functional.interpolate(quantiles[None], patches.shape[-1], mode="linear")
    moves = rotation.T @ torch.zeros_like(ordered).scatter(-1, order, wanted - ordered)
    size = x.shape[2:]
    return functional.fold(moves, size, PATCH) / functional.fold(torch.ones_like(moves[:1]), size, PATCH)


def _patches(x: Latents) -> Float[Tensor, "b d n"]:
    return functional.unfold(x, PATCH)


def _downscale(x: Latents, scale: int) -> Float[Tensor, "b c sh sw"]:
    return functional.avg_pool2d(x, scale, ceil_mode=True, count_include_pad=False) if scale > 1 else x


@lru_cache(maxsize=8)
def _rotation(index: int, dim: int) -> Float[Tensor, "d d"]:
    """A random rotation, uniform in the Haar measure (Mezzadri 2007).

    It is the same on every machine, because style files store quantiles along its axes.
    """
    # NumPy guarantees that the numbers of RandomState never change.
    q, r = np.linalg.qr(np.random.RandomState(index).standard_normal((dim, dim)))
    return torch.from_numpy(q * np.sign(np.diag(r))).float()

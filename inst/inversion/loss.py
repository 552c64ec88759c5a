"""The loss that ``[C]`` is trained against, and the draws it is taken over."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise
from inst.shapes import Latents, Timesteps


class Draw(NamedTuple):
    """One batch: squares of the painting's latents, and the timesteps and noises they are taken to."""

    x0: Latents
    t: Timesteps
    eps: Latents


def draw(
    latents: Float[Tensor, "flips c lh lw"],
    schedule: NoiseSchedule,
    batch: int,
    size: int,
    generator: torch.Generator,
    noise_offset: float = 0.0,
) -> Draw:
    """Random squares at random timesteps.

    The timesteps are stratified (one in each of ``batch`` equal parts of the schedule), which keeps them uniform and
    makes the loss of a batch vary less from step to step.

    Args:
        latents: the painting's, one row as it is and, where flips are learned from, one mirrored.
        size: side of the squares in latents; cut to the picture's.
        generator: on the CPU.
        noise_offset: standard deviation of a part of the noise that is common to a whole channel; a model
            trained so takes its palette from the prompt.
    """
    rows = torch.randint(len(latents), (batch,), generator=generator).tolist()
    x0 = torch.stack([_square(latents[row], size, generator) for row in rows])
    parts = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    t = (parts * len(schedule)).long().clamp(max=len(schedule) - 1)
    eps = torch.randn(x0.shape, generator=generator)
    if noise_offset:
        eps = eps + noise_offset * torch.randn(*x0.shape[:2], 1, 1, generator=generator)
    return Draw(x0, t.to(x0.device), eps.to(x0.device))


def _square(latents: Float[Tensor, "c lh lw"], size: int, generator: torch.Generator) -> Float[Tensor, "c s1 s2"]:
    lh, lw = latents.shape[1:]
    size = min(size, lh, lw)
    top = int(torch.randint(lh - size + 1, (1,), generator=generator))
    left = int(torch.randint(lw - size + 1, (1,), generator=generator))
    return latents[:, top : top + size, left : left + size]


def noise_loss(eps_model: EpsModel, schedule: NoiseSchedule, drawn: Draw, snr_gamma: float) -> Float[Tensor, ""]:
    """Mean squared error of the predicted noise (InST, eq. 3; latent diffusion's simple loss).

    Args:
        snr_gamma: 0 for the plain mean; else min-SNR weights ``min(snr, gamma) / snr`` (Hang et al. 2023, eq. 6), which
            weigh the nearly clean timesteps down.
    """
    predicted = eps_model(add_noise(schedule, drawn.x0, drawn.eps, drawn.t), drawn.t)
    errors = functional.mse_loss(predicted, drawn.eps, reduction="none").mean((1, 2, 3))
    if snr_gamma:
        alpha_bar = schedule.alpha_bar.to(errors.device)[drawn.t]
        snr = alpha_bar / (1 - alpha_bar)
        errors = errors * snr.clamp(max=snr_gamma) / snr
    return errors.mean()

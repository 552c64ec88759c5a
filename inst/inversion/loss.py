"""The training loss of the inversion, and the random batches over which it is computed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.diffusion.schedule import EpsModel, NoiseSchedule, add_noise
from inst.shapes import Latents, Timesteps


class Draw(NamedTuple):
    """A random training batch.

    Attributes:
        x0: square crops of the painting's latents.
        t: the timestep of each crop.
        eps: the noise to add to each crop.
    """

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
    """A random training batch: square crops of the painting's latents at random timesteps.

    Timesteps are stratified: one is drawn from each of ``batch`` equal parts of the schedule. They are still uniformly
    distributed, and the loss of a batch varies less from step to step.

    Args:
        latents: of the painting; a second row has those of the mirrored painting if flips are used.
        schedule: the noise schedule.
        batch: number of crops.
        size: side of the crops in latent positions, limited to the size of the latents.
        generator: random generator, on the CPU.
        noise_offset: standard deviation of an offset added to the noise of each channel (offset noise). A model that
            was trained with it takes the colours of an image from the prompt.
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
    """The mean squared error of the predicted noise (InST, eq. 3; the simple loss of latent diffusion).

    Args:
        eps_model: predicts the noise, conditioned on the prompt with the trained vectors.
        schedule: the noise schedule.
        drawn: the batch, from :func:`draw`.
        snr_gamma: 0 for the unweighted mean. Otherwise min-SNR weights ``min(snr, gamma) / snr`` (Hang et al. 2023, eq.
            6), which reduce the weight of timesteps with little noise.
    """
    predicted = eps_model(add_noise(schedule, drawn.x0, drawn.eps, drawn.t), drawn.t)
    errors = functional.mse_loss(predicted, drawn.eps, reduction="none").mean((1, 2, 3))
    if snr_gamma:
        alpha_bar = schedule.alpha_bar.to(errors.device)[drawn.t]
        snr = alpha_bar / (1 - alpha_bar)
        errors = errors * snr.clamp(max=snr_gamma) / snr
    return errors.mean()

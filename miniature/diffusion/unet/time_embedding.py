"""A U-Net trained under one noise schedule, carried over to another.

What a U-Net knows belongs to a signal-to-noise ratio, and it learns the ratio from the timestep. Under another schedule
the same ratio comes at another timestep: its time embedding alone has to change.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

ITERATIONS = 200


def same_snr(alpha_bar: Tensor, under: Tensor) -> Tensor:
    """For each timestep of ``alpha_bar`` the (fractional) timestep of ``under`` with the same signal-to-noise ratio."""
    new, old = (np.log(a.double().numpy() / (1 - a.double().numpy())) for a in (alpha_bar, under))
    return torch.from_numpy(np.interp(-new, -old, np.arange(len(old))))


def carry_over(unet: UNet2DConditionModel, alpha_bar: Tensor, under: Tensor, *, rounds: int = 3) -> float:
    """Fit the time embedding so that under ``alpha_bar`` it says what it said under ``under``.

    Returns:
        The share of the embedding's variance over all timesteps that is missed.
    """
    projection, embedding = unet.time_proj, unet.time_embedding.double().requires_grad_(True)
    with torch.no_grad():
        wanted = embedding(projection(same_snr(alpha_bar, under)).double())
    x = projection(torch.arange(len(alpha_bar), dtype=torch.float64)).double()
    parameters = list(embedding.parameters())
    optimizer = torch.optim.LBFGS(parameters, max_iter=ITERATIONS, history_size=30, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (embedding(x) - wanted).square().mean()
        loss.backward()
        return loss

    for _ in range(rounds):
        optimizer.step(closure)
    with torch.no_grad():
        missed = (embedding(x) - wanted).square().mean() / wanted.var()
    unet.time_embedding.float()
    return float(missed)

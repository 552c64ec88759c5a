"""Adapt a U-Net to another noise schedule.

A U-Net infers the signal-to-noise ratio from the timestep. With another schedule the same ratio belongs to another
timestep, so only the time embedding has to change.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

ITERATIONS = 200


def same_snr(alpha_bar: Tensor, old_alpha_bar: Tensor) -> Tensor:
    """For each timestep of ``alpha_bar``, the (fractional) timestep of ``old_alpha_bar`` with the same SNR."""
    new, old = (np.log(a.double().numpy() / (1 - a.double().numpy())) for a in (alpha_bar, old_alpha_bar))
    return torch.from_numpy(np.interp(-new, -old, np.arange(len(old))))


def adapt_time_embedding(
    unet: UNet2DConditionModel, alpha_bar: Tensor, old_alpha_bar: Tensor, *, rounds: int = 3
) -> float:
    """Fit the time embedding so that it gives the same output at the same SNR as before.

    Returns:
        The unexplained share of the embedding's variance over all timesteps.
    """
    projection, embedding = unet.time_proj, unet.time_embedding.double().requires_grad_(True)
    with torch.no_grad():
        target = embedding(projection(same_snr(alpha_bar, old_alpha_bar)).double())
    x = projection(torch.arange(len(alpha_bar), dtype=torch.float64)).double()
    parameters = list(embedding.parameters())
    optimizer = torch.optim.LBFGS(parameters, max_iter=ITERATIONS, history_size=30, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (embedding(x) - target).square().mean()
        loss.backward()
        return loss

    for _ in range(rounds):
        optimizer.step(closure)
    with torch.no_grad():
        residual = (embedding(x) - target).square().mean() / target.var()
    unet.time_embedding.float()
    return float(residual)

"""Looking at numbers before they become a picture: NaN and infinite values are found where they first appear."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inst.errors import ModelError


def is_finite(values: Tensor) -> bool:
    """Whether all values are finite, without a copy of them."""
    if not values.is_floating_point() or not values.numel():
        return True
    low, high = torch.aminmax(values.detach())
    return bool(torch.isfinite(low)) and bool(torch.isfinite(high))


def check_weights(network: nn.Module, what: str) -> None:
    """Look at the parameters and buffers of a network once, after it was loaded.

    Args:
        what: the network's name, for the error message.

    Raises:
        ModelError: NaN or infinite values, as a broken download or a bad merge leaves them.
    """
    for name, values in network.state_dict().items():
        if isinstance(values, Tensor) and not is_finite(values):
            raise ModelError(
                f"the {what} contains NaN or infinite values (in {name}): the file is damaged or badly merged, get it "
                "again"
            )


def check_values(values: Tensor, what: str, remedy: str = "try dtype float32") -> Tensor:
    """Look at the result of a stage.

    Args:
        what: what was computed, for the error message.

    Returns:
        The values.

    Raises:
        ModelError: NaN or infinite values.

    >>> check_values(torch.ones(2), "the sum").sum().item()
    2.0
    """
    if not is_finite(values):
        raise ModelError(f"{what} contains NaN or infinite values: {remedy}")
    return values

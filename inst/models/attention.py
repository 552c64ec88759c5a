"""xformers' memory-efficient attention, used on request if it works on this machine."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from inst.errors import InstWarning
from inst.placement import Placement

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

TINY = (1, 8, 1, 64)
"""Batch size, positions, heads and head width of the smallest input that every kernel accepts."""


def use_xformers(unet: UNet2DConditionModel, placement: Placement) -> bool:
    """Switch the U-Net to xformers' attention if a small test call succeeds.

    Returns:
        Whether xformers is used. If not, an InstWarning says why, and the U-Net is unchanged.
    """
    if problem := xformers_problem(placement):
        warnings.warn(f"xformers is not used ({problem}); torch's attention is used instead", InstWarning, stacklevel=3)
        return False
    unet.enable_xformers_memory_efficient_attention()
    return True


def xformers_problem(placement: Placement) -> str | None:
    """Why xformers cannot be used on this device and in this precision, in one line; None if it can."""
    try:
        from xformers.ops import memory_efficient_attention  # pyright: ignore[reportMissingImports]

        query = torch.zeros(TINY, device=placement.device, dtype=placement.dtype)
        memory_efficient_attention(query, query, query)
    except ImportError:
        return 'it is not installed: pip install "inst[xformers]"'
    except Exception as error:  # Kernels fail in many ways: not compiled, or not for this GPU or precision.
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None

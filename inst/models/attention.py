"""xformers' attention where it is asked for and works, else torch's own."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from inst.placement import Placement

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

TINY = (1, 8, 1, 64)
"""batch, positions, heads, width of a head: the smallest call that every kernel takes."""


def use_xformers(unet: UNet2DConditionModel, placement: Placement) -> bool:
    """Switches the U-Net to xformers if a small call of it works here; else warns why not and changes nothing."""
    if problem := xformers_problem(placement):
        warnings.warn(f"xformers is not used ({problem}); torch's attention is used instead", stacklevel=3)
        return False
    unet.enable_xformers_memory_efficient_attention()
    return True


def xformers_problem(placement: Placement) -> str | None:
    """Why xformers cannot serve this device and precision, in one line; None if it can."""
    try:
        from xformers.ops import memory_efficient_attention  # pyright: ignore[reportMissingImports]

        query = torch.zeros(TINY, device=placement.device, dtype=placement.dtype)
        memory_efficient_attention(query, query, query)
    except ImportError:
        return 'it is not installed: pip install "inst[xformers]"'
    except Exception as error:  # kernels fail in many ways: not built, not for this GPU, not for this precision
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None

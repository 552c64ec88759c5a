"""Tone: the painting's channel means and deviations given to the photo's latents."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from inst.shapes import Latents

_EPS = 1e-5


def adain(content: Latents, style: Float[Tensor, "sb c sh sw"]) -> Latents:
    """Adaptive instance normalisation (Huang & Belongie 2017, eq. 8) on latents, as InST's release applies it.

    Unbiased variance over the picture, 1e-5 added inside the root. ``style`` may have another height and width.
    """
    normalised = (content - content.mean((2, 3), keepdim=True)) / _std(content)
    return normalised * _std(style) + style.mean((2, 3), keepdim=True)


def _std(latents: Latents) -> Float[Tensor, "b c 1 1"]:
    return (latents.var((2, 3), keepdim=True, unbiased=True) + _EPS).sqrt()

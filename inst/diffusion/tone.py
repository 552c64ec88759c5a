"""Tone: the painting's channel means and deviations given to the photo's latents."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from inst.shapes import Latents

_EPS = 1e-5


class Tone(NamedTuple):
    """Mean and standard deviation of each latent channel of a picture."""

    mean: Float[Tensor, "b c 1 1"]
    std: Float[Tensor, "b c 1 1"]


def tone_of(latents: Latents) -> Tone:
    """Unbiased over the picture, 1e-5 added to the variance inside the root, as in InST's release."""
    std = (latents.var((2, 3), keepdim=True, unbiased=True) + _EPS).sqrt()
    return Tone(latents.mean((2, 3), keepdim=True), std)


def with_tone(content: Latents, tone: Tone) -> Latents:
    """Adaptive instance normalisation (Huang & Belongie 2017, eq. 8) on latents, given the style's statistics."""
    own = tone_of(content)
    return (content - own.mean) / own.std * tone.std + tone.mean


def adain(content: Latents, style: Float[Tensor, "sb c sh sw"]) -> Latents:
    """The same given the style's latents, which may have another height and width."""
    return with_tone(content, tone_of(style))

"""Tone transfer: the photo's latents get the channel means and standard deviations of the painting's (AdaIN)."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from inst.shapes import Latents

_EPS = 1e-5


class Tone(NamedTuple):
    """Mean and standard deviation of each latent channel of an image."""

    mean: Float[Tensor, "b c 1 1"]
    std: Float[Tensor, "b c 1 1"]


def tone_of(latents: Latents) -> Tone:
    """Channel statistics over all positions: unbiased variance, plus 1e-5 before the square root, as in InST's code."""
    std = (latents.var((2, 3), keepdim=True, unbiased=True) + _EPS).sqrt()
    return Tone(latents.mean((2, 3), keepdim=True), std)


def with_tone(content: Latents, tone: Tone) -> Latents:
    """Adaptive instance normalisation (AdaIN, Huang & Belongie 2017, eq. 8) of latents to the given statistics."""
    own = tone_of(content)
    return (content - own.mean) / own.std * tone.std + tone.mean


def adain(content: Latents, style: Float[Tensor, "sb c sh sw"]) -> Latents:
    """Adaptive instance normalisation of ``content`` to the statistics of ``style``, which may differ in size."""
    return with_tone(content, tone_of(style))

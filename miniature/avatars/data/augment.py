"""Drawn pictures as a small GAN makes them, so that networks trained on drawings read made ones as well."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Pictures = Float[Tensor, "b 3 h w"]
ROLL, ZOOM, SHIFT, BEND = 0.05, 0.05, 0.06, 0.025
"""Deviations: radians, and shares of half the picture."""
UNTOUCHED = 0.1


def imperfect(pictures: Pictures) -> Pictures:
    """Bent, shifted, lighter or darker, tinted, blurred and noisy pictures in [-1, 1]; one in ten stays as it is.

    Chance is torch's own.
    """
    made = noisy(blurred(toned(bent(pictures)))).clamp(-1, 1)
    return torch.where(_each(pictures) < UNTOUCHED, pictures, made)


def bent(pictures: Pictures) -> Pictures:
    """Rolled, scaled, shifted, and bent along a smooth random field."""
    count = len(pictures)
    roll, zoom = ROLL * torch.randn(count), 1 + ZOOM * torch.randn(count)
    shift = SHIFT * torch.randn(count, 2, 1)
    turn = zoom[:, None, None] * torch.stack([roll.cos(), -roll.sin(), roll.sin(), roll.cos()], 1).view(-1, 2, 2)
    places = functional.affine_grid(torch.cat([turn, shift], 2), list(pictures.shape), align_corners=False)
    field = BEND * torch.randn(count, 2, 5, 5)
    field = functional.interpolate(field, pictures.shape[-2:], mode="bicubic", align_corners=False)
    places = (places + field.movedim(1, 3)).to(pictures)
    return functional.grid_sample(pictures, places, padding_mode="reflection", align_corners=False)


def toned(pictures: Pictures) -> Pictures:
    """Another brightness and contrast, and a slight tint."""
    light, tint = torch.randn(len(pictures), 1, 1, 1), torch.randn(len(pictures), 3, 1, 1)
    contrast = 1 + 0.12 * torch.randn(len(pictures), 1, 1, 1)
    return pictures * contrast.to(pictures) + (0.06 * light + 0.03 * tint).to(pictures)


def blurred(pictures: Pictures) -> Pictures:
    """Between the picture and its 3×3 means taken twice; half of them are hardly blurred."""
    soft = pictures
    for _ in range(2):
        soft = functional.avg_pool2d(functional.pad(soft, (1, 1, 1, 1), "replicate"), 3, 1)
    return pictures.lerp(soft, _each(pictures).square())


def noisy(pictures: Pictures) -> Pictures:
    """Grain of one pixel and blots of four."""
    grain = 0.07 * _each(pictures).square() * torch.randn(pictures.shape).to(pictures)
    coarse = torch.randn(*pictures.shape[:2], *(max(1, side // 4) for side in pictures.shape[2:])).to(pictures)
    coarse = functional.interpolate(coarse, pictures.shape[-2:], mode="bilinear", align_corners=False)
    return pictures + grain + 0.06 * _each(pictures).square() * coarse


def _each(pictures: Pictures) -> Float[Tensor, "b 1 1 1"]:
    """A number in [0, 1) for each picture."""
    return torch.rand(len(pictures), 1, 1, 1).to(pictures)

"""Augmentation of drawings with the defects of a small GAN's images, so that networks generalise to those."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Images = Float[Tensor, "b 3 h w"]
ROLL, ZOOM, SHIFT, BEND = 0.05, 0.05, 0.06, 0.025
"""Standard deviations, in radians and in units of half the image size."""
UNCHANGED = 0.1


def augment(images: Images) -> Images:
    """Randomly warped, shifted, tinted, blurred and noisy images in [-1, 1]; one in ten is unchanged.

    Uses torch's global generator.
    """
    augmented = add_noise(blur(jitter_colour(warp(images)))).clamp(-1, 1)
    return torch.where(_each(images) < UNCHANGED, images, augmented)


def warp(images: Images) -> Images:
    """Rotate, scale and shift, and distort with a smooth random field."""
    count = len(images)
    roll, zoom = ROLL * torch.randn(count), 1 + ZOOM * torch.randn(count)
    shift = SHIFT * torch.randn(count, 2, 1)
    turn = zoom[:, None, None] * torch.stack([roll.cos(), -roll.sin(), roll.sin(), roll.cos()], 1).view(-1, 2, 2)
    places = functional.affine_grid(torch.cat([turn, shift], 2), list(images.shape), align_corners=False)
    field = BEND * torch.randn(count, 2, 5, 5)
    field = functional.interpolate(field, images.shape[-2:], mode="bicubic", align_corners=False)
    places = (places + field.movedim(1, 3)).to(images)
    return functional.grid_sample(images, places, padding_mode="reflection", align_corners=False)


def jitter_colour(images: Images) -> Images:
    """Change brightness and contrast, and add a slight tint."""
    light, tint = torch.randn(len(images), 1, 1, 1), torch.randn(len(images), 3, 1, 1)
    contrast = 1 + 0.12 * torch.randn(len(images), 1, 1, 1)
    return images * contrast.to(images) + (0.06 * light + 0.03 * tint).to(images)


def blur(images: Images) -> Images:
    """Interpolate randomly between the image and two 3×3 box filters; half of the images are hardly blurred."""
    soft = images
    for _ in range(2):
        soft = functional.avg_pool2d(functional.pad(soft, (1, 1, 1, 1), "replicate"), 3, 1)
    return images.lerp(soft, _each(images).square())


def add_noise(images: Images) -> Images:
    """Add noise with a scale of one pixel and of four pixels."""
    grain = 0.07 * _each(images).square() * torch.randn(images.shape).to(images)
    coarse = torch.randn(*images.shape[:2], *(max(1, side // 4) for side in images.shape[2:])).to(images)
    coarse = functional.interpolate(coarse, images.shape[-2:], mode="bilinear", align_corners=False)
    return images + grain + 0.06 * _each(images).square() * coarse


def _each(images: Images) -> Float[Tensor, "b 1 1 1"]:
    """A uniform random number in [0, 1) for each image."""
    return torch.rand(len(images), 1, 1, 1).to(images)

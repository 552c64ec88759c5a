"""Colour transfer between images: keeping the colours of a photo, and taking on those of a painting."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from jaxtyping import Float
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor
from torch.nn import functional

from inst.shapes import Image


def keep_colors(result: Image, content: Float[Tensor, "b 3 ch cw"]) -> Image:
    """The lightness (CIE Lab L) of ``result`` with the hue and saturation (a and b) of ``content``.

    Args:
        result: (b, 3, h, w), sRGB in [-1, 1].
        content: (b, 3, h', w'), sRGB in [-1, 1]; resized to the size of ``result``.

    Returns:
        (b, 3, h, w) in [-1, 1]; colours outside sRGB are clipped.

    >>> import torch
    >>> red = torch.tensor([0.6, -0.6, -0.6]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    >>> grey = torch.full((1, 3, 8, 8), 0.2)
    >>> recoloured = keep_colors(grey, red)
    >>> bool(recoloured[0, 0, 0, 0] > recoloured[0, 1, 0, 0])
    True
    """
    if content.shape[-2:] != result.shape[-2:]:
        content = functional.interpolate(
            content, size=result.shape[-2:], mode="bicubic", antialias=True, align_corners=False
        ).clamp(-1, 1)
    lab = _to_lab(content)
    lab[..., 0] = _to_lab(result)[..., 0]
    # lab2rgb clips colours outside sRGB and would warn (of negative Z values) whenever it does so.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        rgb = lab2rgb(lab)
    return torch.from_numpy(np.ascontiguousarray(rgb)).float().permute(0, 3, 1, 2).mul(2).sub(1).to(result)


def _to_lab(image: Image) -> np.ndarray:
    """CIE Lab as (b, h, w, 3): L from 0 to 100, a and b from about -100 to 100."""
    return rgb2lab(image.detach().float().cpu().add(1).div(2).clamp(0, 1).permute(0, 2, 3, 1).numpy())


def transfer_mean_covariance(content: Image, style: Float[Tensor, "b 3 sh sw"]) -> Image:
    """Colour transfer only: the linear map of RGB values that gives the content the style's mean and covariance.

    Of all such maps it is the one that changes the colours least (Pitié and Kokaram 2007, "The linear
    Monge-Kantorovitch linear colour mapping"): ``T = S^-1/2 (S^1/2 C S^1/2)^1/2 S^-1/2``, where S is the covariance of
    the content and C that of the style. It transfers no brush strokes, so it is the baseline for style transfer.

    Args:
        content: (1, 3, h, w), sRGB in [-1, 1].
        style: (1, 3, h', w'), sRGB in [-1, 1].

    Returns:
        (1, 3, h, w), clamped to [-1, 1].

    Raises:
        ValueError: a batch of more than one image.

    >>> import torch
    >>> content, style = torch.rand(1, 3, 16, 16) * 0.4, torch.rand(1, 3, 24, 24) * 0.4 - 0.5
    >>> moved = transfer_mean_covariance(content, style)
    >>> bool(torch.allclose(moved.mean((2, 3)), style.mean((2, 3)), atol=1e-3))
    True
    """
    source, source_mean, source_covariance = _colours(content)
    _, style_mean, style_covariance = _colours(style)
    root, inverse = _power(source_covariance, 0.5), _power(source_covariance, -0.5)
    mapping = inverse @ _power(root @ style_covariance @ root, 0.5) @ inverse
    moved = mapping @ (source - source_mean) + style_mean
    return moved.reshape(content.shape).clamp(-1, 1).to(content)


def _colours(image: Image) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels (3, h·w) in float64, their mean (3, 1) and their covariance (3, 3), regularised to be invertible."""
    if image.shape[0] != 1:
        raise ValueError(f"expected one image, got a batch of {image.shape[0]}")
    pixels = image.detach()[0].reshape(3, -1).double()
    mean = pixels.mean(1, keepdim=True)
    centred = pixels - mean
    return pixels, mean, centred @ centred.T / pixels.shape[1] + 1e-8 * torch.eye(3, dtype=pixels.dtype)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(1e-12) ** exponent) @ vectors.T

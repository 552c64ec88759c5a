"""Colour of one picture, drawing of another."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor
from torch.nn import functional

from inst.shapes import Image


def keep_colors(result: Image, content: Float[Tensor, "b 3 ch cw"]) -> Image:
    """The result's lightness with the content's hue and saturation (CIE Lab: L of one, a and b of the other).

    Args:
        result, content: (b, 3, h, w) in [-1, 1]; the content is scaled to the result's size. Colours outside sRGB are
            clipped.
    """
    if content.shape[-2:] != result.shape[-2:]:
        content = functional.interpolate(
            content, size=result.shape[-2:], mode="bicubic", antialias=True, align_corners=False
        ).clamp(-1, 1)
    lab = _to_lab(content)
    lab[..., 0] = _to_lab(result)[..., 0]
    # lab2rgb clips, and warns about every picture that needs it; negative Z is what it warns about.
    with np.errstate(all="ignore"):
        rgb = lab2rgb(lab)
    return torch.from_numpy(np.ascontiguousarray(rgb)).float().permute(0, 3, 1, 2).mul(2).sub(1).to(result)


def _to_lab(image: Image) -> np.ndarray:
    """(b, h, w, 3): L in 0–100, a and b about ±100."""
    return rgb2lab(image.detach().float().cpu().add(1).div(2).clamp(0, 1).permute(0, 2, 3, 1).numpy())


def transfer_mean_covariance(content: Image, style: Float[Tensor, "b 3 sh sw"]) -> Image:
    """Colours alone: the linear map of RGB that gives the content the style's mean and covariance with least change.

    Pitié and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping":
    ``T = S^-1/2 (S^1/2 C S^1/2)^1/2 S^-1/2`` with S the content's covariance and C the style's. What a style transfer
    must beat: it moves no stroke.

    Args:
        content: (1, 3, h, w) in [-1, 1]. style: (1, 3, h', w'). The result is clamped to [-1, 1].
    """
    source, source_mean, source_covariance = _colours(content)
    _, style_mean, style_covariance = _colours(style)
    root, inverse = _power(source_covariance, 0.5), _power(source_covariance, -0.5)
    mapping = inverse @ _power(root @ style_covariance @ root, 0.5) @ inverse
    moved = mapping @ (source - source_mean) + style_mean
    return moved.reshape(content.shape).clamp(-1, 1).to(content)


def _colours(image: Image) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels (3, h·w) in float64, their mean (3, 1) and covariance (3, 3), never singular."""
    if image.shape[0] != 1:
        raise ValueError(f"one picture at a time, got {image.shape[0]}")
    pixels = image.detach()[0].reshape(3, -1).double()
    mean = pixels.mean(1, keepdim=True)
    centred = pixels - mean
    return pixels, mean, centred @ centred.T / pixels.shape[1] + 1e-8 * torch.eye(3, dtype=pixels.dtype)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(1e-12) ** exponent) @ vectors.T

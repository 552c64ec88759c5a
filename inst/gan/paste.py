"""Pastes an edited face back into the photo it was cropped from."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.errors import ConfigError
from inst.gan.align import Quad
from inst.image import resize
from inst.shapes import Image

Face = Float[Tensor, "1 3 side side"]
"""An aligned face in [-1, 1], square."""


def paste_back(photo: Image, face: Face, quad: Quad, *, feather: float = 0.1) -> Image:
    """Warps an aligned face back to its place in the photo and blends it in; pixels outside the quad are unchanged.

    Args:
        photo: (1, 3, h, w) in [-1, 1], the image the face was aligned from.
        face: the edited aligned face (1, 3, side, side) in [-1, 1].
        quad: `AlignedFace.quad`.
        feather: width of the transition in which the face fades out towards the edge of the quad, as a fraction of its
            side.

    Returns:
        A new image (1, 3, h, w) in [-1, 1].

    Raises:
        ConfigError: ``feather`` is not in [0, 0.5].
    """
    if not 0 <= feather <= 0.5:
        raise ConfigError(f"feather={feather:g} is out of range: give a fraction of the face's side from 0 to 0.5")
    rows, columns = _box(quad, photo.shape[-2], photo.shape[-1])
    result = photo.clone()
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return result
    places = _face_coordinates(quad, rows, columns).to(photo.device)
    # downsample first: sampling a face at a much lower resolution would alias
    side = min(face.shape[-1], math.ceil(_longest_side(quad)))
    warped = functional.grid_sample(
        resize(face, side, side).to(photo), (2 * places - 1).to(photo)[None], padding_mode="border", align_corners=False
    )
    weight = _blend_weight(places, feather).to(photo)
    result[..., rows, columns] = torch.lerp(photo[..., rows, columns], warped, weight)
    return result


def square_to_quad_inverse(quad: Quad) -> Float[np.ndarray, "3 3"]:
    """Homography that maps image coordinates, with pixel corners at integers, to the unit square of the face."""
    equations, values = [], []
    for (x, y), (u, v) in zip(quad + 0.5, ((0, 0), (0, 1), (1, 1), (1, 0)), strict=True):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(equations, float), np.array(values, float)), 1.0).reshape(3, 3)


def _face_coordinates(quad: Quad, rows: slice, columns: slice) -> Float[Tensor, "h w 2"]:
    """Coordinates (u, v) in the face for each pixel of the box; inside the face they are in [0, 1]."""
    y, x = torch.meshgrid(
        torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5,
        torch.arange(columns.start, columns.stop, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    mapping = torch.from_numpy(square_to_quad_inverse(quad))
    u, v, scale = (torch.stack([x, y, torch.ones_like(x)], dim=-1) @ mapping.T).unbind(-1)
    return torch.stack([u / scale, v / scale], dim=-1).float()


def _blend_weight(places: Float[Tensor, "h w 2"], feather: float) -> Float[Tensor, "h w"]:
    """Weight of the face: 1 inside, 0 at its edge and outside, with a smoothstep in between."""
    depth = torch.minimum(places, 1 - places).amin(-1)
    if feather == 0:
        return (depth > 0).float()
    t = (depth / feather).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _longest_side(quad: Quad) -> float:
    return float(np.hypot(*(np.roll(quad, -1, axis=0) - quad).T).max())


def _box(quad: Quad, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the part of the photo that the quad may cover."""
    left, top = np.floor(quad.min(0)).astype(int).clip(0).tolist()
    right, bottom = np.ceil(quad.max(0) + 1).astype(int).tolist()
    return slice(top, min(bottom, height)), slice(left, min(right, width))

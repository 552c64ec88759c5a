"""Latent codes as the editors pass them around: W+ or StyleSpace, one list either way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from inst.errors import InputError
from inst.files import read_array, read_pickle, read_safetensors, sniff
from inst.shapes import Image

Codes = list[Tensor]
"""One (b, k, d) tensor of W+, or StyleSpace: a (b, C) tensor for each style."""
Synthesis = Callable[[Codes], Image]
"""Codes to pictures in [-1, 1], differentiable, with fixed noise."""


def to_rgb_styles(num_styles: int) -> frozenset[int]:
    """Which styles of StyleSpace only mix colours: 1, 4, 7, … Edits leave them as they are (Wu et al. 2021)."""
    return frozenset(range(1, num_styles, 3))


def rows_of(codes: Sequence[Tensor], rows: slice | Tensor) -> Codes:
    """Some rows of a batch."""
    return [code[rows] for code in codes]


def read_codes(path: Path) -> Codes:
    """Codes that other tools stored: W+ as ``.npy``, ``.pt`` or ``.safetensors``, StyleSpace as a list in ``.pt``.

    Returns:
        float32, W+ (b, k, d) or styles (b, C); the published (b, 1, C, 1, 1) are flattened.

    Raises:
        InputError: missing, unsafe, or other than such tensors.
    """
    found = [torch.as_tensor(code) for code in _tensors_in(path)]
    if len(found) == 1 and found[0].ndim in (2, 3):
        w_plus = found[0] if found[0].ndim == 3 else found[0][None]
        return _checked(path, [w_plus.float()])
    styles = [code.flatten(1).float() for code in found if code.ndim in (2, 5)]
    if not styles or len(styles) != len(found) or len({len(style) for style in styles}) != 1:
        raise InputError(f"{path} holds no latent codes: W+ (b, k, d) or a list of styles (b, C) is needed")
    return _checked(path, styles)


def _checked(path: Path, codes: Codes) -> Codes:
    if not all(code.numel() and bool(torch.isfinite(code).all()) for code in codes):
        raise InputError(f"{path} holds latent codes that are empty, NaN or Inf")
    return codes


def _tensors_in(path: Path) -> list[Tensor]:
    if sniff(path) == "safetensors":
        return list(read_safetensors(path)[0].values())
    if sniff(path) == "unknown":
        return [torch.from_numpy(read_array(path).astype("float32"))]
    data = read_pickle(path)
    items = data if isinstance(data, (list, tuple)) else list(data.values()) if isinstance(data, dict) else [data]
    return [item for item in items if isinstance(item, Tensor) and item.is_floating_point()]

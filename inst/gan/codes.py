"""Latent codes as the editors exchange them: a list of tensors, either W+ or StyleSpace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from inst.errors import InputError
from inst.files import read_array, read_pickle, read_safetensors, sniff
from inst.shapes import Image

Codes = list[Tensor]
"""W+ as one tensor (b, k, d), or StyleSpace as one tensor (b, C) per style layer."""
Synthesis = Callable[[Codes], Image]
"""Maps codes to images in [-1, 1], differentiably and with fixed noise."""


def to_rgb_styles(num_styles: int) -> frozenset[int]:
    """Indices of the to-RGB layers in StyleSpace: 1, 4, 7, … Edits leave them unchanged (Wu et al. 2021)."""
    return frozenset(range(1, num_styles, 3))


def rows_of(codes: Sequence[Tensor], rows: slice | Tensor) -> Codes:
    """The given rows of a batch of codes."""
    return [code[rows] for code in codes]


def read_codes(path: Path) -> Codes:
    """Reads latent codes saved by other tools.

    W+ is read from ``.npy``, ``.pt`` or ``.safetensors``, StyleSpace from a list of tensors in ``.pt``.

    Returns:
        W+ (b, k, d) or styles (b, C), float32. StyleCLIP's published styles (b, 1, C, 1, 1) are flattened.

    Raises:
        InputError: the file is missing or unsafe, or holds no finite latent codes.
    """
    found = [torch.as_tensor(code) for code in _tensors_in(path)]
    if len(found) == 1 and found[0].ndim in (2, 3):
        w_plus = found[0] if found[0].ndim == 3 else found[0][None]
        return _checked(path, [w_plus.float()])
    styles = [code.flatten(1).float() for code in found if code.ndim in (2, 5)]
    if not styles or len(styles) != len(found) or len({len(style) for style in styles}) != 1:
        raise InputError(f"{path} holds no latent codes: give W+ (b, k, d) or a list of styles (b, C)")
    return _checked(path, styles)


def _checked(path: Path, codes: Codes) -> Codes:
    if not all(code.numel() and bool(torch.isfinite(code).all()) for code in codes):
        raise InputError(f"{path} holds latent codes that are empty or contain NaN or Inf")
    return codes


def _tensors_in(path: Path) -> list[Tensor]:
    if sniff(path) == "safetensors":
        return list(read_safetensors(path)[0].values())
    if sniff(path) == "unknown":
        return [torch.from_numpy(read_array(path).astype("float32"))]
    data = read_pickle(path)
    items = data if isinstance(data, (list, tuple)) else list(data.values()) if isinstance(data, dict) else [data]
    return [item for item in items if isinstance(item, Tensor) and item.is_floating_point()]

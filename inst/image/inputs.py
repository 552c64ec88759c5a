"""Pictures given to a Python function: paths, PIL images, tensors and arrays are converted to one form."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from inst.errors import InputError
from inst.image.convert import WHITE, rgb_to_tensor, to_rgb
from inst.image.read import Picture, check_shape, read_image

PictureInput: TypeAlias = str | Path | PIL.Image.Image | Tensor | np.ndarray | Picture
"""A path, a PIL image, a (1, 3, h, w) tensor in [-1, 1], a uint8 array (h, w), (h, w, 3) or (h, w, 4), a `Picture`."""
_UNNAMED = Path("image")
_TOLERANCE = 1e-3


def as_picture(source: Any, *, max_megapixels: float = 64.0, min_side: int = 64, max_ratio: float = 8.0) -> Picture:
    """Convert a picture in any accepted form to a :class:`Picture`.

    Args:
        source: a path, a PIL image of any mode, a (1, 3, h, w) float tensor in [-1, 1], a ``uint8`` array of shape
            (h, w), (h, w, 3) or (h, w, 4), or a `Picture`, which is returned as it is.
        max_megapixels: larger pictures are refused.
        min_side: the smallest accepted side in pixels.
        max_ratio: the largest accepted ratio of the long side to the short side.

    Returns:
        The picture as sRGB, with its EXIF orientation applied and white behind transparent areas. For a path, its
        ``sha256`` is that of the file; otherwise it is computed from the size and the 8-bit pixels. Its ``path`` is
        that of the file, or ``image`` if there is none.

    Raises:
        InputError: the source has another type, shape or value range, or is a file that cannot be read.

    >>> import numpy as np
    >>> as_picture(np.zeros((64, 96, 3), np.uint8)).image.shape
    torch.Size([1, 3, 64, 96])
    """
    if isinstance(source, Picture):
        return source
    limits = {"max_megapixels": max_megapixels, "min_side": min_side, "max_ratio": max_ratio}
    if isinstance(source, str | Path):
        return read_image(Path(source), **limits)
    if isinstance(source, PIL.Image.Image):
        return _from_pil(source, **limits)
    if isinstance(source, np.ndarray):
        return _from_pil(_array_to_pil(source), **limits)
    if isinstance(source, Tensor):
        return _from_tensor(source, **limits)
    raise InputError(
        f"a picture cannot be of type {type(source).__name__}: give a path, a PIL image, a (1, 3, h, w) tensor in "
        "[-1, 1] or a uint8 NumPy array"
    )


def as_pictures(source: Any, **limits: float) -> tuple[list[Picture], bool]:
    """Convert one picture or a list of them with :func:`as_picture`.

    Args:
        source: a picture, or a list or tuple of pictures.
        limits: ``max_megapixels``, ``min_side`` and ``max_ratio`` of :func:`as_picture`.

    Returns:
        The pictures, and whether a list or tuple was given.

    Raises:
        InputError: the list is empty, or a picture cannot be used.
    """
    if isinstance(source, list | tuple):
        if not source:
            raise InputError("the list of pictures is empty: give at least one")
        return [as_picture(one, **limits) for one in source], True  # pyright: ignore[reportArgumentType]
    return [as_picture(source, **limits)], False  # pyright: ignore[reportArgumentType]


def _from_pil(picture: PIL.Image.Image, **limits: float) -> Picture:
    path = Path(getattr(picture, "filename", "") or _UNNAMED)
    _check_size(path, picture.width, picture.height, **limits)
    rgb, notes = to_rgb(picture, WHITE)
    digest = hashlib.sha256(f"{rgb.size}".encode() + rgb.tobytes()).hexdigest()
    return Picture(rgb_to_tensor(rgb), digest, path, notes, (rgb.height, rgb.width))


def _array_to_pil(array: np.ndarray) -> PIL.Image.Image:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise InputError(
            f"an array of {array.dtype} and shape {array.shape} is not a picture: give uint8 of shape (h, w), "
            "(h, w, 3) or (h, w, 4)"
        )
    return PIL.Image.fromarray(np.ascontiguousarray(array))


def _from_tensor(image: Tensor, **limits: float) -> Picture:
    if image.ndim != 4 or tuple(image.shape[:2]) != (1, 3) or not image.is_floating_point():
        raise InputError(
            f"a tensor of {image.dtype} and shape {tuple(image.shape)} is not a picture: give floats (1, 3, h, w) in "
            "[-1, 1]"
        )
    _check_size(_UNNAMED, image.shape[3], image.shape[2], **limits)
    image = image.detach().float().cpu()
    low, high = float(image.min()), float(image.max())
    if not (low >= -1 - _TOLERANCE and high <= 1 + _TOLERANCE):
        raise InputError(f"the tensor has values from {low:g} to {high:g}: give a picture in [-1, 1]")
    image = image.clamp(-1, 1)
    pixels = image.add(1).mul(127.5).round().to(torch.uint8)
    digest = hashlib.sha256(f"{tuple(image.shape)}".encode() + pixels.numpy().tobytes()).hexdigest()
    return Picture(image, digest, _UNNAMED, (), (image.shape[2], image.shape[3]))


def _check_size(
    path: Path, width: int, height: int, *, max_megapixels: float, min_side: float, max_ratio: float
) -> None:
    if width * height > max_megapixels * 1e6:
        raise InputError(
            f"{path} has {width}x{height} pixels ({width * height / 1e6:.0f} megapixels), and at most "
            f"{max_megapixels:g} megapixels are accepted: scale it down, or raise max_megapixels"
        )
    check_shape(path, width, height, int(min_side), max_ratio)

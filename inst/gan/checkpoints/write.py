"""Writes a generator to a safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from inst.files import write_safetensors
from inst.gan.generator import Generator

METADATA = "inst.generator"
"""The header entry that identifies our files: JSON of the settings that the tensors' shapes do not show."""


def save_generator(
    path: Path,
    generator: Generator,
    metadata: Mapping[str, str] = MappingProxyType({}),
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Writes weights, fixed noise maps and average w, atomically: an interruption leaves the old file or the new one.

    Args:
        path: the safetensors file.
        generator: the generator to save.
        metadata: additional header entries, such as ``modelspec.license``.
        dtype: precision of weights and noise maps; biases and the average w, which are small, are always float32.

    Raises:
        InputError: the file cannot be written.
    """
    config = generator.config
    sizes = {
        "resolution": config.resolution,
        "mapping_rate": config.mapping_rate,
        "conv_clamp": config.conv_clamp,
    }
    tensors = {
        name: tensor.to(dtype if tensor.ndim > 1 else torch.float32) for name, tensor in generator.state_dict().items()
    }
    ours = {METADATA: json.dumps(sizes), "modelspec.architecture": "stylegan2"}
    write_safetensors(path, tensors, {**metadata, **ours})

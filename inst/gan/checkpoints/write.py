"""A generator to a safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from inst.files import write_safetensors
from inst.gan.generator import Generator

METADATA = "inst.generator"
"""The header entry that tells our files: JSON of what the tensors' shapes do not."""


def save_generator(
    path: Path,
    generator: Generator,
    metadata: Mapping[str, str] = MappingProxyType({}),
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Writes weights, fixed noise and average w. A kill leaves the old file or the new one.

    Args:
        metadata: strings for the header beside ours, such as ``modelspec.license``.
        dtype: of weights and noise maps; biases and the average w, which are few, are float32 always.

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

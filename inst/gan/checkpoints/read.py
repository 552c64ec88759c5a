"""Reads a generator from a file in any supported layout; the only place that does."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from inst.errors import InputError, InstWarning, ModelError
from inst.files import Inert, read_pickle, read_safetensors, sniff
from inst.finite import check_weights
from inst.gan.architecture import GeneratorConfig
from inst.gan.checkpoints.assemble import State, complete, config_of
from inst.gan.checkpoints.identify import SUPPORTED, describe
from inst.gan.checkpoints.nvidia import from_nvidia
from inst.gan.checkpoints.rosinality import from_rosinality, is_rosinality
from inst.gan.checkpoints.write import METADATA
from inst.gan.generator import Generator
from inst.placement import Placement

_Parts = tuple[Mapping[str, Tensor], float, float | None]
"""Tensors under our names, the learning-rate multiplier of the mapping network, and the clamp."""


def load_generator(path: Path, placement: Placement) -> Generator:
    """Loads the generator in a file, frozen and in evaluation mode. See :func:`read_generator`.

    float16 is replaced by float32 with a warning, because StyleGAN2's activations overflow in float16.

    Raises:
        InputError: the file is missing, damaged or unsafe.
        ModelError: the file holds no complete StyleGAN2 generator, or NaN.
    """
    config, state = read_generator(path)
    if placement.dtype == torch.float16:
        warnings.warn("StyleGAN2 overflows in float16; float32 is used instead", InstWarning, stacklevel=2)
        placement = Placement(placement.device, torch.float32)
    generator = Generator.from_state(config, state).place(placement)
    check_weights(generator, f"generator {path.name}")
    return generator


def read_generator(path: Path) -> tuple[GeneratorConfig, State]:
    """Reads the sizes and weights of a StyleGAN2 generator; the layout is detected from the content, not the file name.

    Supported are rosinality's ``.pt`` (converted or from training; ``g_ema``), NVIDIA's StyleGAN2-ADA ``.pkl``
    (``G_ema``) and our safetensors. No code in the file is executed.

    Returns:
        The sizes, and the state dict of `Generator`: float32, on the CPU, always with ``latent_avg``.

    Raises:
        InputError: the file is missing, damaged or unsafe.
        ModelError: the file is of another kind, which the message names, or the generator in it is incomplete.
    """
    try:
        tensors, mapping_rate, conv_clamp = _parts(path)
        config = config_of(tensors, mapping_rate, conv_clamp)
        return config, complete(config, tensors)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error.__cause__
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path} was refused: {error}") from error


def _parts(path: Path) -> _Parts:
    if sniff(path) == "safetensors":
        tensors, header = read_safetensors(path)
        if METADATA in header:
            return tensors, *_from_header(header[METADATA])
        return _from_content(tensors)
    return _from_content(read_pickle(path))


def _from_content(content: object) -> _Parts:
    if isinstance(content, Mapping):
        if isinstance(network := content.get("G_ema"), Inert):
            return from_nvidia(network)
        inner = content.get("g_ema", content)
        if isinstance(inner, Mapping) and is_rosinality(inner):
            tensors = from_rosinality({k: v for k, v in inner.items() if isinstance(v, Tensor)})
            average = content.get("latent_avg")
            return tensors | ({"latent_avg": average} if isinstance(average, Tensor) else {}), 0.01, None
    raise ModelError(f"it {describe(content)}; {SUPPORTED}")


def _from_header(text: str) -> tuple[float, float | None]:
    """Mapping rate and clamp, which no tensor shows, from the header of our own files."""
    try:
        metadata = json.loads(text)
        rate, clamp = float(metadata["mapping_rate"]), metadata["conv_clamp"]
        if not math.isfinite(rate):
            raise ValueError("not a number")
        return rate, None if clamp is None else float(clamp)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"its header {METADATA} is damaged: download the file again") from error

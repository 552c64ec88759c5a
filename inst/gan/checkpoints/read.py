"""One door: a file to a generator, whichever layout it has."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from inst.errors import InputError, ModelError
from inst.files import Inert, read_pickle, read_safetensors, sniff
from inst.gan.architecture import GeneratorConfig
from inst.gan.checkpoints.assemble import State, complete, config_of
from inst.gan.checkpoints.identify import WANTED, describe
from inst.gan.checkpoints.nvidia import from_nvidia
from inst.gan.checkpoints.rosinality import from_rosinality, is_rosinality
from inst.gan.checkpoints.write import METADATA
from inst.gan.generator import Generator
from inst.placement import Placement

_Parts = tuple[Mapping[str, Tensor], float, float | None]
"""Tensors under our names, the mapping network's learning-rate factor, the clamp."""


def load_generator(path: Path, placement: Placement) -> Generator:
    """The frozen generator in a file. See :func:`read_generator`.

    float16 is not used: StyleGAN2's activations overflow in it; float32 is, with a warning.
    """
    config, state = read_generator(path)
    if placement.dtype == torch.float16:
        warnings.warn("StyleGAN2 overflows in float16; it is computed in float32", stacklevel=2)
        placement = Placement(placement.device, torch.float32)
    return Generator.from_state(config, state).place(placement)


def read_generator(path: Path) -> tuple[GeneratorConfig, State]:
    """Sizes and weights of the StyleGAN2 generator in a file, told by its content, never by its name.

    Read are rosinality's ``.pt`` (converted or from training; ``g_ema``), NVIDIA's StyleGAN2-ADA ``.pkl`` (``G_ema``)
    and our safetensors. Nothing in the file is run.

    Returns:
        The sizes, and `Generator`'s state dict, float32 on the CPU, ``latent_avg`` always in it.

    Raises:
        InputError: missing, damaged or hostile.
        ModelError: of another kind, which it names, or no whole generator.
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
            return tensors, *_recorded(header[METADATA])
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
    raise ModelError(f"it {describe(content)}; {WANTED}")


def _recorded(text: str) -> tuple[float, float | None]:
    """The sizes that tensors do not show, as our own files record them."""
    try:
        metadata = json.loads(text)
        rate, clamp = float(metadata["mapping_rate"]), metadata["conv_clamp"]
        if not math.isfinite(rate):
            raise ValueError("not a number")
        return rate, None if clamp is None else float(clamp)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"its header {METADATA} is damaged: get the file again") from error

"""Building a network from its configuration and named weights, without initialising weights that are replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from inst.errors import InstError, ModelError
from inst.files import read_pickle, read_safetensors, sniff
from inst.finite import check_weights
from inst.placement import Placement

IGNORED = ("position_ids", "text_projection", "logit_scale")
"""First or last components of keys that occur in older files and are not needed by any network."""

Network = TypeVar("Network", bound=nn.Module)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file by name.

    The content decides the format: safetensors, or a pickle, which is read by the restricted reader.

    Raises:
        InputError: the file is missing, damaged or unsafe.
        ModelError: the file does not contain named weights.
    """
    if sniff(path) == "safetensors":
        return read_safetensors(path)[0]
    content = read_pickle(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ModelError(f"{path.name} contains a {type(content).__name__} instead of named weights: give a checkpoint")
    return {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object in a configuration file.

    Raises:
        ModelError: the file is missing or does not contain a JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent.name}/{path.name} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path.parent.name}/{path.name} does not contain a JSON object")
    return config


def build(what: str, create: Callable[[], Network], weights: Mapping[str, Tensor], placement: Placement) -> Network:
    """Build a network with the given weights, frozen, in evaluation mode and on its device.

    Args:
        what: the name of the network in error messages.
        create: creates the network. It is called in a context in which parameters take no memory.
        weights: tensors by the network's own names, or by those of older versions of diffusers and transformers.
        placement: the device and the precision of the network.

    Raises:
        ModelError: the network cannot be created from its configuration, or the names or shapes of the weights differ.
    """
    from accelerate import init_empty_weights

    try:
        # Buffers are allocated: those that are not stored in any file would otherwise have no values.
        with init_empty_weights(include_buffers=False):
            network = create()
    except InstError:
        raise
    except Exception as error:
        raise ModelError(f"the {what} cannot be built from its configuration: {_first_line(error)}") from error
    named = _rename(network, {key: value for key, value in weights.items() if not _is_ignored(key)})
    _check(what, network, named)
    network.load_state_dict({key: _cast(value, placement.dtype) for key, value in named.items()}, assign=True)
    check_weights(network, what)
    return network.requires_grad_(False).eval().to(placement.device)


def _is_ignored(key: str) -> bool:
    return key.split(".")[0] in IGNORED or key.rsplit(".", 1)[-1] in IGNORED


def _rename(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Translate old parameter names: attention before diffusers 0.16, and ``text_model.`` before transformers 5.6."""
    if hasattr(network, "_fix_state_dict_keys_on_load"):
        network._fix_state_dict_keys_on_load(weights)  # pyright: ignore[reportCallIssue]
    if any(key.startswith("text_model.") for key in weights) and not hasattr(network, "text_model"):
        return {key.removeprefix("text_model."): value for key, value in weights.items()}
    if hasattr(network, "text_model") and not any(key.startswith("text_model.") for key in weights):
        return {f"text_model.{key}": value for key, value in weights.items()}
    return weights


def _check(what: str, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if missing := sorted(set(expected) - set(given)):
        raise ModelError(f"the {what} lacks {len(missing)} of {len(expected)} weights, such as {missing[0]}")
    if unexpected := sorted(set(given) - set(expected)):
        raise ModelError(
            f"the {what} has {len(unexpected)} unexpected weights, such as {unexpected[0]}: it has another architecture"
        )
    for name, shape in expected.items():
        if shape != given[name]:
            raise ModelError(f"the {what}'s {name} has the shape {given[name]}, expected {shape}")
        if not weights[name].is_floating_point():
            raise ModelError(
                f"the {what}'s {name} has the type {weights[name].dtype}: quantised models are not supported"
            )


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
    # A view of a memory-mapped file may be unaligned. Kernels would then take another code path, and the last bit of
    # the results would depend on the file.
    return tensor.clone() if tensor.data_ptr() % 64 else tensor


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

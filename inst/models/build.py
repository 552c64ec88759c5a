"""From a configuration and weights by name to a network; no weight is initialised to be thrown away."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from inst.errors import InstError, ModelError
from inst.files import read_pickle, read_safetensors, sniff
from inst.placement import Placement

IGNORED = ("position_ids", "text_projection", "logit_scale")
"""Last or only parts of keys that old files hold and no network needs."""

Network = TypeVar("Network", bound=nn.Module)


def read_weights(path: Path) -> dict[str, Tensor]:
    """A weight file's tensors by name, by its content: safetensors, or a pickle through the restricted reader.

    Raises:
        InputError, ModelError: it is broken, hostile, or holds no tensors.
    """
    if sniff(path) == "safetensors":
        return read_safetensors(path)[0]
    content = read_pickle(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ModelError(f"{path.name} holds a {type(content).__name__} instead of named weights")
    return {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ModelError: it is missing or no JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent.name}/{path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path.parent.name}/{path.name} holds no JSON object")
    return config


def build(what: str, create: Callable[[], Network], weights: Mapping[str, Tensor], placement: Placement) -> Network:
    """The network that `create` describes, with `weights`, frozen, evaluating, on its device.

    Args:
        what: its name in errors.
        create: makes the network; it is called where parameters take no memory.
        weights: tensors by the network's own names, or by those of older versions of diffusers and transformers.

    Raises:
        ModelError: the configuration is refused, or names or shapes do not match.
    """
    from accelerate import init_empty_weights

    try:
        # buffers are made for real: those that no file stores would else stay without values
        with init_empty_weights(include_buffers=False):
            network = create()
    except InstError:
        raise
    except Exception as error:
        raise ModelError(f"the {what}'s configuration does not work: {_first_line(error)}") from error
    named = _rename(network, {key: value for key, value in weights.items() if not _is_ignored(key)})
    _check(what, network, named)
    network.load_state_dict({key: _cast(value, placement.dtype) for key, value in named.items()}, assign=True)
    return network.requires_grad_(False).eval().to(placement.device)


def _is_ignored(key: str) -> bool:
    return key.split(".")[0] in IGNORED or key.rsplit(".", 1)[-1] in IGNORED


def _rename(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Old names to new ones: attention before diffusers 0.16, ``text_model.`` before transformers 5.6."""
    if hasattr(network, "_fix_state_dict_keys_on_load"):
        network._fix_state_dict_keys_on_load(weights)  # pyright: ignore[reportCallIssue]
    if any(key.startswith("text_model.") for key in weights) and not hasattr(network, "text_model"):
        return {key.removeprefix("text_model."): value for key, value in weights.items()}
    if hasattr(network, "text_model") and not any(key.startswith("text_model.") for key in weights):
        return {f"text_model.{key}": value for key, value in weights.items()}
    return weights


def _check(what: str, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if missing := sorted(set(wanted) - set(given)):
        raise ModelError(f"the {what} lacks {len(missing)} of {len(wanted)} weights, {missing[0]} among them")
    if unknown := sorted(set(given) - set(wanted)):
        raise ModelError(
            f"the {what} has {len(unknown)} weights too many, {unknown[0]} among them: another architecture"
        )
    for name, shape in wanted.items():
        if shape != given[name]:
            raise ModelError(f"the {what}'s {name} has the shape {given[name]} where {shape} is wanted")
        if not weights[name].is_floating_point():
            raise ModelError(f"the {what}'s {name} holds {weights[name].dtype}: quantised models are not supported")


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
    # a view of a mapped file may lie anywhere; kernels then take another path, and the last bit depends on the file
    return tensor.clone() if tensor.data_ptr() % 64 else tensor


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Network parameters in a checkpoint: selected by prefix, and loaded only if all of them fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from inst.errors import ModelError
from inst.files.kinds import sniff
from inst.files.tensors import read_pickle, read_safetensors
from inst.finite import check_weights


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary in a torch file, or the tensors of a safetensors file. Code in the file is never executed.

    Raises:
        InputError: the file is missing, damaged, unsafe, or of another format by its content.
        ModelError: the file does not contain a dictionary.
    """
    if sniff(path) == "safetensors":
        return dict(read_safetensors(path)[0])
    data = read_pickle(path)
    if not isinstance(data, Mapping):
        raise ModelError(f"{path} contains no dictionary of parameters: give a checkpoint")
    return {str(key): value for key, value in data.items()}


def parameters_of(checkpoint: Mapping[str, Any], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a checkpoint whose names begin with ``prefix.``, by their names without it.

    Args:
        checkpoint: has the tensors under ``state_dict`` or, if there is no such key, at the top level.
        prefix: of the wanted network, without the dot; empty for all tensors.
    """
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, Mapping):
        return {}
    start = f"{prefix}." if prefix else ""
    tensors = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def load_parameters(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load ``state`` into ``network``, cast to the network's precision, and freeze the network.

    Args:
        network: may be on the meta device, which avoids initialising parameters that are replaced anyway.
        state: all parameters and buffers of the network by name.
        source: how the error message refers to ``state``.

    Raises:
        ModelError: a tensor is missing, unexpected, of the wrong shape or not finite; the message names the first one.
    """
    expected = network.state_dict()
    if mismatch := _mismatch(expected, state):
        raise ModelError(f"{source} does not fit: {mismatch}")
    cast = {key: value.to(expected[key].dtype) for key, value in state.items()}
    network.load_state_dict(cast, assign=True)
    check_weights(network, f"network in {source}")
    network.requires_grad_(False)


def _mismatch(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing:
        return f"{len(missing)} of {len(expected)} tensors are missing, the first is {missing[0]}"
    if unexpected:
        return f"{len(unexpected)} tensors are unexpected, the first is {unexpected[0]}"
    for key, tensor in state.items():
        if tensor.shape != expected[key].shape:
            return f"{key} has the shape {tuple(tensor.shape)}, expected {tuple(expected[key].shape)}"
    return ""

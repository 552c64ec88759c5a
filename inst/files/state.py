"""Network parameters in a checkpoint: found by their prefix, loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from inst.errors import ModelError
from inst.files.kinds import sniff
from inst.files.tensors import read_pickle, read_safetensors


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary in a torch file, or the tensors of a safetensors file; nothing in either is run.

    Raises:
        InputError: missing, something else by content, damaged or unsafe.
        ModelError: no dictionary.
    """
    if sniff(path) == "safetensors":
        return dict(read_safetensors(path)[0])
    data = read_pickle(path)
    if not isinstance(data, Mapping):
        raise ModelError(f"{path} holds no dictionary of parameters: give a checkpoint")
    return {str(key): value for key, value in data.items()}


def parameters_of(checkpoint: Mapping[str, Any], prefix: str = "") -> dict[str, Tensor]:
    """The tensors under ``state_dict`` (or of the whole, where there is none) below ``prefix.``, which is left out."""
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, Mapping):
        return {}
    start = f"{prefix}." if prefix else ""
    tensors = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def load_parameters(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Puts ``state`` into ``network`` in place of its own tensors, in the network's precision.

    Args:
        network: may lie on the meta device, which saves making parameters only to replace them.
        source: what the error calls it.

    Raises:
        ModelError: a tensor is missing, left over or of another shape; the first is named.
    """
    wanted = network.state_dict()
    if fault := _misfit(wanted, state):
        raise ModelError(f"{source} does not fit: {fault}")
    cast = {key: value.to(wanted[key].dtype) for key, value in state.items()}
    network.load_state_dict(cast, assign=True)
    network.requires_grad_(False)


def _misfit(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    missing, more = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    if missing:
        return f"{len(missing)} of {len(wanted)} tensors are missing, the first is {missing[0]}"
    if more:
        return f"{len(more)} tensors have no place in it, the first is {more[0]}"
    for key, tensor in state.items():
        if tensor.shape != wanted[key].shape:
            return f"{key} has the shape {tuple(tensor.shape)}, not {tuple(wanted[key].shape)}"
    return ""

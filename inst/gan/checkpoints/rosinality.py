"""Converts the names of rosinality/stylegan2-pytorch, the most common layout of StyleGAN2 weights, to ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from inst.gan.checkpoints.assemble import check_filter

_PARAMETERS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}
_LAYER = re.compile(r"(?P<kind>conv|to_rgb)(1|s\.(?P<index>\d+))\.(?P<parameter>.+)")


def is_rosinality(state: Mapping[str, object]) -> bool:
    """Whether these are the tensor names of a generator in rosinality's layout."""
    return {"input.input", "conv1.conv.modulation.bias", "to_rgb1.conv.modulation.bias"} <= state.keys()


def from_rosinality(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames the tensors of a generator (``g_ema``) to our names; their shapes are unchanged.

    Raises:
        ModelError: its resampling filter is not StyleGAN2's.
    """
    ours = {}
    for name, tensor in state.items():
        if name.endswith(".kernel"):
            check_filter(name, tensor)
        else:
            ours[_our_name(name)] = tensor
    return ours


def _our_name(name: str) -> str:
    if name == "input.input":
        return "const"
    if match := re.fullmatch(r"style\.(\d+)\.(weight|bias)", name):  # style.0 is the normalisation of z
        return f"mapping.layers.{int(match[1]) - 1}.{match[2]}"
    if match := re.fullmatch(r"noises\.noise_(\d+)", name):
        return f"convs.{match[1]}.noise"
    if (match := _LAYER.fullmatch(name)) and match["parameter"] in _PARAMETERS:
        number = 0 if match["index"] is None else int(match["index"]) + 1
        return f"{match['kind']}s.{number}.{_PARAMETERS[match['parameter']]}"
    return name

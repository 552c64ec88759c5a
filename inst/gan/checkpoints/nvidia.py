"""Reads NVIDIA's StyleGAN2-ADA pickles as data and renames their tensors to our names.

In such a pickle every module is a call of ``torch_utils.persistence._reconstruct_persistent_obj`` with a dictionary
that holds the source code of its class, which NVIDIA's own loader executes, and the module's ``__dict__``. Only the
latter is read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from inst.errors import ModelError
from inst.files import Inert, module_state_dict
from inst.gan.checkpoints.assemble import check_filter

_PARAMETERS = {
    "weight": "weight", "bias": "bias", "affine.weight": "affine.weight", "affine.bias": "affine.bias",
    "noise_strength": "noise_strength", "noise_const": "noise",
}  # fmt: skip
_LAYER = re.compile(r"synthesis\.b(?P<side>\d+)\.(?P<block>conv0|conv1|torgb)\.(?P<parameter>.+)")


def members(module: Inert) -> object:
    """The ``__dict__`` of a module pickled by NVIDIA's persistence module, otherwise the object's own state."""
    if module.name.endswith("persistence._reconstruct_persistent_obj") and module.args:
        meta = items(module.args[0])
        return items(meta.get("state"))
    return module.state


def items(value: object) -> Mapping[object, object]:
    """A dictionary or NVIDIA's ``EasyDict`` as a mapping; anything else as an empty mapping."""
    if isinstance(value, Inert):
        return dict(pair for pair in value.entries if isinstance(pair, tuple) and len(pair) == 2)
    return value if isinstance(value, Mapping) else {}


def from_nvidia(network: Inert) -> tuple[dict[str, Tensor], float, float | None]:
    """Converts a generator (``G_ema``) to our names.

    Returns:
        The tensors, the learning-rate multiplier of the mapping network, and the clamp of the layers' outputs.

    Raises:
        ModelError: the generator has an unsupported architecture.
    """
    state = module_state_dict(network, members)
    _check_design(network, state)
    ours = {}
    for name, tensor in state.items():
        if name.endswith("resample_filter"):
            check_filter(name, tensor)
        else:
            ours[_our_name(name)] = tensor
    rate = _attribute(network, "mapping.fc0", "bias_gain")
    clamp = _attribute(network, "synthesis.b4.conv1", "conv_clamp")
    return ours, 0.01 if rate is None else rate, clamp


def _our_name(name: str) -> str:
    if name == "synthesis.b4.const":
        return "const"
    if name == "mapping.w_avg":
        return "latent_avg"
    if match := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", name):
        return f"mapping.layers.{match[1]}.{match[2]}"
    if (match := _LAYER.fullmatch(name)) and match["parameter"] in _PARAMETERS:
        level = int(match["side"]).bit_length() - 3
        kind, number = {"conv0": ("convs", 2 * level - 1), "conv1": ("convs", 2 * level), "torgb": ("to_rgbs", level)}[
            match["block"]
        ]
        return f"{kind}.{number}.{_PARAMETERS[match['parameter']]}"
    return name


def _check_design(network: Inert, state: Mapping[str, Tensor]) -> None:
    if any(name.startswith(("synthesis.L0_", "synthesis.input.")) for name in state):
        raise ModelError("it seems to be a StyleGAN3 generator: only StyleGAN2 is supported")
    if "mapping.embed.weight" in state:
        raise ModelError("it is a conditional generator (with class labels): only unconditional ones are supported")
    architecture = items(members(_child(network, "synthesis.b4"))).get("architecture", "skip")
    if architecture != "skip":
        raise ModelError(
            f"it is a StyleGAN2 with the architecture {architecture!s:.20}: only skip generators are supported"
        )


def _attribute(network: Inert, path: str, name: str) -> float | None:
    value = items(members(_child(network, path))).get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _child(module: Inert, path: str) -> Inert:
    for name in path.split("."):
        child = items(items(members(module)).get("_modules")).get(name)
        module = child if isinstance(child, Inert) else Inert("missing")
    return module

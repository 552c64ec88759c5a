"""NVIDIA's StyleGAN2-ADA pickles as data, their names to ours.

Every module in one is a call of ``torch_utils.persistence._reconstruct_persistent_obj`` on a dictionary with the source
text of its class (which NVIDIA's own loader runs) and the module's ``__dict__``. Only the latter is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from inst.errors import ModelError
from inst.files import Inert, module_state_dict
from inst.gan.checkpoints.assemble import check_filter

_INSIDE = {
    "weight": "weight", "bias": "bias", "affine.weight": "affine.weight", "affine.bias": "affine.bias",
    "noise_strength": "noise_strength", "noise_const": "noise",
}  # fmt: skip
_LAYER = re.compile(r"synthesis\.b(?P<side>\d+)\.(?P<block>conv0|conv1|torgb)\.(?P<inside>.+)")


def members(module: Inert) -> object:
    """The ``__dict__`` of a module that NVIDIA's persistence wrote, else the object's own state."""
    if module.name.endswith("persistence._reconstruct_persistent_obj") and module.args:
        meta = items(module.args[0])
        return items(meta.get("state"))
    return module.state


def items(value: object) -> Mapping[object, object]:
    """A dictionary or an ``EasyDict`` as a mapping; anything else as an empty one."""
    if isinstance(value, Inert):
        return dict(pair for pair in value.entries if isinstance(pair, tuple) and len(pair) == 2)
    return value if isinstance(value, Mapping) else {}


def from_nvidia(network: Inert) -> tuple[dict[str, Tensor], float, float | None]:
    """A generator (``G_ema``) under our names, the learning-rate factor of its mapping network, and its clamp.

    Raises:
        ModelError: a generator of another design.
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
    if (match := _LAYER.fullmatch(name)) and match["inside"] in _INSIDE:
        level = int(match["side"]).bit_length() - 3
        kind, number = {"conv0": ("convs", 2 * level - 1), "conv1": ("convs", 2 * level), "torgb": ("to_rgbs", level)}[
            match["block"]
        ]
        return f"{kind}.{number}.{_INSIDE[match['inside']]}"
    return name


def _check_design(network: Inert, state: Mapping[str, Tensor]) -> None:
    if any(name.startswith(("synthesis.L0_", "synthesis.input.")) for name in state):
        raise ModelError("it seems to be a StyleGAN3 generator: only StyleGAN2 is drawn here")
    if "mapping.embed.weight" in state:
        raise ModelError(
            "it is a conditional generator (one with class labels): only unconditional ones are drawn here"
        )
    architecture = items(members(_child(network, "synthesis.b4"))).get("architecture", "skip")
    if architecture != "skip":
        raise ModelError(
            f"it is a StyleGAN2 of another design ({architecture!s:.20}): only skip generators are drawn here"
        )


def _attribute(network: Inert, path: str, name: str) -> float | None:
    value = items(members(_child(network, path))).get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _child(module: Inert, path: str) -> Inert:
    for name in path.split("."):
        child = items(items(members(module)).get("_modules")).get(name)
        module = child if isinstance(child, Inert) else Inert("missing")
    return module

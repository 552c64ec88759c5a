"""StyleGAN2 weights in published layouts: rosinality's names and shapes, NVIDIA's pickled modules."""

import argparse
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import torch

from inst.gan.architecture import GeneratorConfig

NARROW = GeneratorConfig(channels=(8, 6, 5), mapping_widths=(7, 7, 7))
"""16 px. Adjacent widths differ, so that exchanged layers would not fit."""
FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def shapes_of(config):
    """Names and shapes of rosinality's ``Generator``, without its filter kernels."""
    w, (first, *_) = config.w_width, config.channels
    shapes = {"input.input": (1, first, 4, 4)}
    for i, (before, after) in enumerate(zip(config.mapping_widths, config.mapping_widths[1:], strict=False), start=1):
        shapes |= {f"style.{i}.weight": (after, before), f"style.{i}.bias": (after,)}
    shapes |= _conv("conv1", first, first, w) | _to_rgb("to_rgb1", first, w)
    for level, (before, after) in enumerate(zip(config.channels, config.channels[1:], strict=False)):
        shapes |= _conv(f"convs.{2 * level}", before, after, w) | _conv(f"convs.{2 * level + 1}", after, after, w)
        shapes |= _to_rgb(f"to_rgbs.{level}", after, w)
    return shapes | {f"noises.noise_{k}": (1, 1, *[4 * 2 ** ((k + 1) // 2)] * 2) for k in range(config.num_convs)}


def _conv(name, before, after, w):
    modulation = {f"{name}.conv.modulation.weight": (before, w), f"{name}.conv.modulation.bias": (before,)}
    rest = {f"{name}.noise.weight": (1,), f"{name}.activate.bias": (after,)}
    return {f"{name}.conv.weight": (1, after, before, 3, 3)} | modulation | rest


def _to_rgb(name, before, w):
    modulation = {f"{name}.conv.modulation.weight": (before, w), f"{name}.conv.modulation.bias": (before,)}
    return {f"{name}.conv.weight": (1, 3, before, 1, 1), f"{name}.bias": (1, 3, 1, 1)} | modulation


def random_state(config=NARROW, seed=0):
    """A random generator state dict with rosinality's names, including the filter kernels."""
    rng = torch.Generator().manual_seed(seed)
    state = {name: torch.randn(shape, generator=rng) for name, shape in shapes_of(config).items()}
    state |= {name: 100 * value for name, value in state.items() if name.startswith("style.")}
    filters = {f"to_rgbs.{i}.upsample.kernel": 4 * FIR for i in range(len(config.channels) - 1)}
    return state | filters | {f"convs.{2 * i}.conv.blur.kernel": 4 * FIR for i in range(len(config.channels) - 1)}


def converted(config=NARROW, seed=0):
    """The content of a file written by rosinality's converter."""
    average = torch.randn(config.w_width, generator=torch.Generator().manual_seed(seed + 1))
    return {"g_ema": random_state(config, seed), "latent_avg": average}


def from_training(config=NARROW, seed=0):
    """The content of a checkpoint written by rosinality's training, without the average w."""
    args = argparse.Namespace(size=config.resolution, lr=0.002)
    return {"g": {}, "d": {"final_linear.0.weight": torch.zeros(1)}, "args": args} | {
        "g_ema": random_state(config, seed), "ada_aug_p": 0.0
    }  # fmt: skip


# NVIDIA's pickles


def nvidia_names(state, average, config=NARROW):
    """Renames a state dict from rosinality's names to those of StyleGAN2-ADA."""
    named = {"mapping.w_avg": average, "synthesis.b4.const": state["input.input"][0]}
    for i in range(len(config.mapping_widths) - 1):
        named |= {f"mapping.fc{i}.{kind}": state[f"style.{i + 1}.{kind}"] for kind in ("weight", "bias")}
    blocks = {"conv1": ("b4.conv1", 0), "to_rgb1": ("b4.torgb", None)}
    for level in range(len(config.channels) - 1):
        block = f"b{8 * 2**level}"
        blocks[f"convs.{2 * level}"] = (f"{block}.conv0", 2 * level + 1)
        blocks[f"convs.{2 * level + 1}"] = (f"{block}.conv1", 2 * level + 2)
        blocks[f"to_rgbs.{level}"] = (f"{block}.torgb", None)
        named[f"synthesis.{block}.resample_filter"] = FIR
    for theirs, (ours, noise) in blocks.items():
        layer = f"synthesis.{ours}"
        named[f"{layer}.weight"] = state[f"{theirs}.conv.weight"][0]
        named |= {f"{layer}.affine.{kind}": state[f"{theirs}.conv.modulation.{kind}"] for kind in ("weight", "bias")}
        if noise is None:
            named[f"{layer}.bias"] = state[f"{theirs}.bias"].reshape(3)
        else:
            named[f"{layer}.bias"] = state[f"{theirs}.activate.bias"]
            named[f"{layer}.noise_strength"] = state[f"{theirs}.noise.weight"].reshape(())
            named[f"{layer}.noise_const"] = state[f"noises.noise_{noise}"][0, 0]
    return named


class Persistent:
    """Pickles like a module with NVIDIA's persistence: a call with the source of its class and its ``__dict__``."""

    def __init__(self, class_name, state):
        self.class_name, self.state = class_name, state

    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": "raise SystemExit('ran')", "class_name": self.class_name}
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta | {"state": self.state},)


def nvidia_pickle(monkeypatch, named, attributes=None, protocol=4):
    """A network pickle with this ``G_ema``; ``attributes`` are added to the ``__dict__`` of modules by path."""
    _install_nvidia_modules(monkeypatch)
    easy_dict = sys.modules["dnnlib.util"].EasyDict
    network = _module("Generator", named, attributes or {}, "", easy_dict)
    kwargs = easy_dict(class_name="training.dataset.ImageFolderDataset", path="/somewhere")
    return pickle.dumps(
        {"G": network, "G_ema": network, "training_set_kwargs": kwargs, "augment_pipe": None}, protocol=protocol
    )


def _install_nvidia_modules(monkeypatch):
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")

    def reconstruct(meta):
        raise AssertionError("the pickle was executed")

    reconstruct.__module__, reconstruct.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    persistence._reconstruct_persistent_obj = reconstruct
    util.EasyDict = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    for module in (persistence, util, types.ModuleType("torch_utils"), types.ModuleType("dnnlib")):
        monkeypatch.setitem(sys.modules, module.__name__, module)


def _module(class_name, named, attributes, path, easy_dict):
    own, children = OrderedDict(), OrderedDict()
    for name, tensor in named.items():
        head, _, rest = name.partition(".")
        if rest:
            children.setdefault(head, {})[rest] = tensor
        else:
            own[name] = tensor
    buffers = {"w_avg", "noise_const", "resample_filter"}
    modules = {
        name: _module(name, inner, attributes, f"{path}.{name}".strip("."), easy_dict)
        for name, inner in children.items()
    }
    state = {
        "training": False,
        "_parameters": OrderedDict((k, torch.nn.Parameter(v)) for k, v in own.items() if k not in buffers),
        "_buffers": OrderedDict((k, v) for k, v in own.items() if k in buffers),
        "_non_persistent_buffers_set": set(),
        "_modules": OrderedDict(modules),
        "_init_kwargs": easy_dict(),
        "weight_gain": np.float64(0.01) / np.sqrt(8),
    }
    return Persistent(class_name, state | attributes.get(path, {}))

"""From tensors under our names, in whatever shapes another layout broadcasts, to a whole generator."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor

from inst.errors import ModelError
from inst.gan.architecture import GeneratorConfig
from inst.gan.generator import Generator
from inst.gan.layers import FIR
from inst.seeds import generator as rng_of

State = dict[str, Tensor]
_AVERAGED = 10_000
"""Codes that the average w is taken over where a file has none (StyleGAN2's own number)."""


def config_of(
    state: Mapping[str, Tensor], mapping_rate: float = 0.01, conv_clamp: float | None = None
) -> GeneratorConfig:
    """The sizes that the tensors' names and shapes tell.

    Raises:
        ModelError: not a whole generator.
    """
    mapping = [_shape(state, f"mapping.layers.{i}.weight", 2) for i in _count(state, "mapping.layers.{}.weight")]
    levels = _count(state, "convs.{}.affine.bias")
    if not mapping or not levels:
        raise ModelError(f"it lacks its {'synthesis' if mapping else 'mapping'} network: give a whole generator")
    return GeneratorConfig(
        channels=tuple(_shape(state, f"convs.{i}.affine.bias", 1)[0] for i in levels[::2]),
        mapping_widths=(mapping[0][1], *(shape[0] for shape in mapping)),
        mapping_rate=mapping_rate,
        conv_clamp=conv_clamp,
    )


def complete(config: GeneratorConfig, state: Mapping[str, Tensor]) -> State:
    """The state dict of this generator, float32, in memory of its own; what a file may leave out is made.

    Axes of length 1 may stand anywhere. Missing noise maps are drawn from a fixed seed, missing noise strengths are 0,
    a missing average w is the mean of 10,000 mapped ones.

    Raises:
        ModelError: a tensor is missing, too many, of another shape or not finite.
    """
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in Generator(config).state_dict().items()}
    if surplus := sorted(state.keys() - wanted.keys()):
        raise ModelError(f"it holds what no StyleGAN2 generator does: {', '.join(surplus[:3])}")
    made = {name: _made(name, shape) for name, shape in wanted.items() if name not in state}
    whole = {name: _fitted(name, state[name], shape) for name, shape in wanted.items() if name in state} | made
    return whole if "latent_avg" in state else whole | {"latent_avg": average_w(config, whole)}


def average_w(config: GeneratorConfig, state: Mapping[str, Tensor]) -> Tensor:
    """The mean w, from a fixed seed."""
    model = Generator.from_state(config, state)
    return model.map(torch.randn(_AVERAGED, config.z_width, generator=rng_of(0))).mean(dim=0)


def check_filter(name: str, kernel: Tensor) -> None:
    """Hold a resampling filter in a file to the only one that is computed here, whatever its gain.

    Raises:
        ModelError: it is another.
    """
    taps = torch.tensor(FIR)
    ours = torch.outer(taps, taps) / taps.sum() ** 2
    if kernel.shape != ours.shape or not torch.allclose(kernel.float() / kernel.float().sum(), ours, atol=1e-4):
        raise ModelError(
            f"it resamples by another filter than StyleGAN2's 1, 3, 3, 1 ({name}): it cannot be drawn here"
        )


def _count(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    return list(itertools.takewhile(lambda i: pattern.format(i) in state, itertools.count()))


def _shape(state: Mapping[str, Tensor], name: str, ndim: int) -> tuple[int, ...]:
    shape = tuple(state[name].shape)
    if len(shape) != ndim:
        raise ModelError(f"its {name} has the shape {shape}: {ndim} axes are wanted")
    return shape


def _fitted(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    if [n for n in tensor.shape if n != 1] != [n for n in shape if n != 1]:
        raise ModelError(f"its {name} has the shape {tuple(tensor.shape)} where {shape} is wanted")
    fitted = tensor.reshape(shape).to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    if not fitted.isfinite().all():
        raise ModelError(f"its {name} holds NaN or infinite values: get the file again")
    return fitted


def _made(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith(".noise"):
        return torch.randn(shape, generator=rng_of(int(name.split(".")[1])))
    if name.endswith(".noise_strength") or name == "latent_avg":
        return torch.zeros(shape)
    raise ModelError(f"it lacks {name}: give a whole generator")

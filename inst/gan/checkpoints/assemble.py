"""From tensors under our names, in the broadcast shapes of other layouts, to a complete generator state dict."""

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
"""Number of samples of the average w where a file has none, as in StyleGAN2's own code."""


def config_of(
    state: Mapping[str, Tensor], mapping_rate: float = 0.01, conv_clamp: float | None = None
) -> GeneratorConfig:
    """Derives the sizes of a generator from the names and shapes of its tensors.

    Args:
        state: tensors under our names.
        mapping_rate: learning-rate multiplier of the mapping network, which no shape shows.
        conv_clamp: bound on the layers' outputs, which no shape shows either.

    Raises:
        ModelError: the generator is incomplete.
    """
    mapping = [_shape(state, f"mapping.layers.{i}.weight", 2) for i in _count(state, "mapping.layers.{}.weight")]
    levels = _count(state, "convs.{}.affine.bias")
    if not mapping or not levels:
        raise ModelError(f"it lacks its {'synthesis' if mapping else 'mapping'} network: give a complete generator")
    return GeneratorConfig(
        channels=tuple(_shape(state, f"convs.{i}.affine.bias", 1)[0] for i in levels[::2]),
        mapping_widths=(mapping[0][1], *(shape[0] for shape in mapping)),
        mapping_rate=mapping_rate,
        conv_clamp=conv_clamp,
    )


def complete(config: GeneratorConfig, state: Mapping[str, Tensor]) -> State:
    """The complete state dict of a generator, float32 and copied; optional tensors that are missing are filled in.

    Axes of length 1 are ignored when shapes are compared. Missing noise maps are sampled with a fixed seed, missing
    noise strengths are 0, and a missing average w is the mean of 10,000 mapped samples.

    Raises:
        ModelError: a tensor is missing, unexpected, of another shape or not finite.
    """
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in Generator(config).state_dict().items()}
    if surplus := sorted(state.keys() - wanted.keys()):
        raise ModelError(f"it holds tensors that a StyleGAN2 generator does not have: {', '.join(surplus[:3])}")
    defaults = {name: _default(name, shape) for name, shape in wanted.items() if name not in state}
    full = {name: _reshaped(name, state[name], shape) for name, shape in wanted.items() if name in state} | defaults
    return full if "latent_avg" in state else full | {"latent_avg": average_w(config, full)}


def average_w(config: GeneratorConfig, state: Mapping[str, Tensor]) -> Tensor:
    """The mean of w over 10,000 samples of z drawn with a fixed seed, (d,)."""
    model = Generator.from_state(config, state)
    return model.map(torch.randn(_AVERAGED, config.z_width, generator=rng_of(0))).mean(dim=0)


def check_filter(name: str, kernel: Tensor) -> None:
    """Checks that a resampling filter is the [1, 3, 3, 1] filter of StyleGAN2, up to its gain.

    Raises:
        ModelError: it is another filter.
    """
    taps = torch.tensor(FIR)
    ours = torch.outer(taps, taps) / taps.sum() ** 2
    if kernel.shape != ours.shape or not torch.allclose(kernel.float() / kernel.float().sum(), ours, atol=1e-4):
        raise ModelError(
            f"its resampling filter {name} is not StyleGAN2's [1, 3, 3, 1], the only one that is supported"
        )


def _count(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    return list(itertools.takewhile(lambda i: pattern.format(i) in state, itertools.count()))


def _shape(state: Mapping[str, Tensor], name: str, ndim: int) -> tuple[int, ...]:
    shape = tuple(state[name].shape)
    if len(shape) != ndim:
        raise ModelError(f"its {name} has the shape {shape}: {ndim} axes are expected")
    return shape


def _reshaped(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    if [n for n in tensor.shape if n != 1] != [n for n in shape if n != 1]:
        raise ModelError(f"its {name} has the shape {tuple(tensor.shape)}: {shape} is expected")
    reshaped = tensor.reshape(shape).to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    if not reshaped.isfinite().all():
        raise ModelError(f"its {name} holds NaN or infinite values: download the file again")
    return reshaped


def _default(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith(".noise"):
        return torch.randn(shape, generator=rng_of(int(name.split(".")[1])))
    if name.endswith(".noise_strength") or name == "latent_avg":
        return torch.zeros(shape)
    raise ModelError(f"it lacks {name}: give a complete generator")

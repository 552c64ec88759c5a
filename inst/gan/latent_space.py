"""Moves inside the latent spaces: W, W+ (a w for each layer) and StyleSpace (a style vector for each layer)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError, ModelError
from inst.gan.architecture import GeneratorConfig
from inst.shapes import W, WPlus

Styles = Sequence[Float[Tensor, "b _"]]
"""StyleSpace: for each of `GeneratorConfig.style_layers` the affine output, unscaled also at to-RGB layers."""


def repeat(w: W, num_layers: int) -> WPlus:
    """The same w for every layer."""
    return w[:, None].expand(-1, num_layers, -1)


def truncate(w_plus: WPlus, average: Float[Tensor, "d"], psi: float, cutoff: int | None = None) -> WPlus:
    """Latents drawn towards the average: ``average + psi (w - average)`` (Karras et al. 2019, section B).

    Args:
        psi: 0 gives the average, 1 changes nothing, above 1 exaggerates.
        cutoff: only the layers before this one are drawn; ``None`` for all.

    Raises:
        ConfigError: a cutoff that is not a layer.
    """
    num_layers = w_plus.shape[1]
    if cutoff is not None and not 0 <= cutoff <= num_layers:
        raise ConfigError(f"truncation cutoff {cutoff} is out of range: this generator has layers 0 to {num_layers}")
    drawn = torch.lerp(average.to(w_plus).expand_as(w_plus), w_plus, psi)
    return drawn if cutoff is None else torch.cat([drawn[:, :cutoff], w_plus[:, cutoff:]], dim=1)


def mix(coarse: WPlus, fine: WPlus, crossover: int) -> WPlus:
    """Style mixing (Karras et al. 2019, section 3.1): layers before ``crossover`` from one, the others from another.

    Raises:
        ConfigError: the crossover is not a layer.
    """
    if not 0 <= crossover <= coarse.shape[1]:
        raise ConfigError(f"style mixing at layer {crossover} is out of range: 0 to {coarse.shape[1]} are accepted")
    return torch.cat([coarse[:, :crossover], fine[:, crossover:]], dim=1)


def join_styles(styles: Styles) -> Float[Tensor, "b channels"]:
    """StyleSpace as one vector a picture, layer after layer."""
    return torch.cat(list(styles), dim=1)


def split_styles(flat: Float[Tensor, "b channels"], config: GeneratorConfig) -> list[Tensor]:
    """The inverse of :func:`join_styles`.

    Raises:
        ConfigError: the vector is of another generator.
    """
    if flat.shape[1] != sum(config.style_widths):
        raise ConfigError(
            f"{flat.shape[1]} style channels were given and this {config.resolution} px generator has "
            f"{sum(config.style_widths)}"
        )
    return list(flat.split(config.style_widths, dim=1))


def check_w_plus(w_plus: Tensor, config: GeneratorConfig) -> None:
    """Hold a code to the generator that is to draw it.

    Raises:
        ConfigError: it was made for one of another resolution or width.
    """
    wanted = (config.num_layers, config.w_width)
    if w_plus.ndim != 3 or tuple(w_plus.shape[1:]) != wanted:
        raise ConfigError(
            f"a latent code of shape {tuple(w_plus.shape)} does not fit this {config.resolution} px generator: it "
            f"takes W (batch, {wanted[1]}) or W+ (batch, {wanted[0]}, {wanted[1]})"
        )


def check_styles(styles: Sequence[Tensor], config: GeneratorConfig) -> None:
    """Hold style vectors to the generator that is to draw them.

    Raises:
        ConfigError: another count, other widths, or batches that differ.
    """
    shapes = [tuple(style.shape) for style in styles]
    batch = shapes[0][0] if shapes and shapes[0] else 0
    if shapes != [(batch, width) for width in config.style_widths]:
        raise ConfigError(
            f"{len(shapes)} style vectors ({', '.join(map(str, shapes[:3]))} …) do not fit this {config.resolution} px "
            f"generator: it takes {len(config.style_widths)}, (batch, {config.style_widths[0]}) first"
        )


def check_layers(sizes: Sequence[int], config: GeneratorConfig, what: str, remedy: str) -> None:
    """Hold the sizes of codes in a file, or of what makes or moves codes, to a generator.

    Args:
        sizes: layers and width.
        what: opens the error, with its verb: "faces.pt holds codes of".
        remedy: closes it.

    Raises:
        ModelError: they are another generator's.
    """
    if tuple(sizes) != (config.num_layers, config.w_width):
        raise ModelError(
            f"{what} {sizes[0]} layers of {sizes[1]}, and this {config.resolution} px generator takes "
            f"{config.num_layers} of {config.w_width}: {remedy}"
        )

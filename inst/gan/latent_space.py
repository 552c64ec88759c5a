"""Operations in the latent spaces W, W+ (one w per layer) and StyleSpace (one style vector per layer)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError, ModelError
from inst.gan.architecture import GeneratorConfig
from inst.shapes import W, WPlus

Styles = Sequence[Float[Tensor, "b _"]]
"""StyleSpace: the output of the affine layer of each of `GeneratorConfig.style_layers`, unscaled also for to-RGB."""


def repeat(w: W, num_layers: int) -> WPlus:
    """The same w for every layer."""
    return w[:, None].expand(-1, num_layers, -1)


def truncate(w_plus: WPlus, average: Float[Tensor, "d"], psi: float, cutoff: int | None = None) -> WPlus:
    """The truncation trick: ``average + psi (w - average)`` (Karras et al. 2019, appendix B).

    Args:
        w_plus: codes (b, k, d).
        average: the mean w (d,).
        psi: truncation ψ: 0 is the average, 1 is no truncation, above 1 exaggerates.
        cutoff: only layers before this index are truncated; ``None`` for all.

    Raises:
        ConfigError: the cutoff is not in 0 … k.
    """
    num_layers = w_plus.shape[1]
    if cutoff is not None and not 0 <= cutoff <= num_layers:
        raise ConfigError(f"truncation cutoff {cutoff} is out of range: this generator has layers 0 to {num_layers}")
    truncated = torch.lerp(average.to(w_plus).expand_as(w_plus), w_plus, psi)
    return truncated if cutoff is None else torch.cat([truncated[:, :cutoff], w_plus[:, cutoff:]], dim=1)


def mix(coarse: WPlus, fine: WPlus, crossover: int) -> WPlus:
    """Style mixing (Karras et al. 2019, section 3.1): ``coarse`` before layer ``crossover``, ``fine`` from there on.

    Raises:
        ConfigError: the crossover is not in 0 … k.
    """
    if not 0 <= crossover <= coarse.shape[1]:
        raise ConfigError(f"style mixing at layer {crossover} is out of range: 0 to {coarse.shape[1]} are accepted")
    return torch.cat([coarse[:, :crossover], fine[:, crossover:]], dim=1)


def join_styles(styles: Styles) -> Float[Tensor, "b channels"]:
    """StyleSpace as one vector per image: all layers concatenated in order."""
    return torch.cat(list(styles), dim=1)


def split_styles(flat: Float[Tensor, "b channels"], config: GeneratorConfig) -> list[Tensor]:
    """The inverse of :func:`join_styles`.

    Raises:
        ConfigError: the width of the vector does not match this generator.
    """
    if flat.shape[1] != sum(config.style_widths):
        raise ConfigError(
            f"{flat.shape[1]} style channels were given and this {config.resolution} px generator has "
            f"{sum(config.style_widths)}"
        )
    return list(flat.split(config.style_widths, dim=1))


def check_w_plus(w_plus: Tensor, config: GeneratorConfig) -> None:
    """Checks that a W+ code has the shape (b, k, d) that a generator takes.

    Raises:
        ConfigError: it belongs to a generator of another resolution or width.
    """
    wanted = (config.num_layers, config.w_width)
    if w_plus.ndim != 3 or tuple(w_plus.shape[1:]) != wanted:
        raise ConfigError(
            f"a latent code of shape {tuple(w_plus.shape)} does not fit this {config.resolution} px generator: it "
            f"takes W (batch, {wanted[1]}) or W+ (batch, {wanted[0]}, {wanted[1]})"
        )


def check_styles(styles: Sequence[Tensor], config: GeneratorConfig) -> None:
    """Checks that style vectors have the shapes that a generator takes.

    Raises:
        ConfigError: their number, widths or batch sizes do not match.
    """
    shapes = [tuple(style.shape) for style in styles]
    batch = shapes[0][0] if shapes and shapes[0] else 0
    if shapes != [(batch, width) for width in config.style_widths]:
        raise ConfigError(
            f"{len(shapes)} style vectors ({', '.join(map(str, shapes[:3]))} …) do not fit this {config.resolution} px "
            f"generator: it takes {len(config.style_widths)}, the first of shape (batch, {config.style_widths[0]})"
        )


def check_layers(sizes: Sequence[int], config: GeneratorConfig, what: str, remedy: str) -> None:
    """Checks the sizes of codes in a file, or of a network that produces or edits codes, against a generator.

    Args:
        sizes: number of layers and width of the codes.
        config: sizes of the generator.
        what: beginning of the error message, including the verb, as in "faces.pt holds codes of".
        remedy: end of the error message, which says what to do.

    Raises:
        ModelError: the sizes do not match.
    """
    if tuple(sizes) != (config.num_layers, config.w_width):
        raise ModelError(
            f"{what} {sizes[0]} layers of {sizes[1]}, and this {config.resolution} px generator takes "
            f"{config.num_layers} of {config.w_width}: {remedy}"
        )

"""Latent mappers: small networks that are trained for one text and then edit in a single forward pass.

Patashnik et al. 2021, section 5. The edit is ``w + 0.1 · M(w)``; the factor 0.1 is not part of the module.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.errors import ModelError
from inst.files import load_parameters, parameters_of, read_checkpoint
from inst.gan.codes import Codes
from inst.gan.equalized import EqualLinear
from inst.placement import Placement

STRENGTH = 0.1
LEVELS = {"course_mapping": slice(0, 4), "medium_mapping": slice(4, 8), "fine_mapping": slice(8, None)}
"""Layers of W+ that each part of `LevelsMapper` changes. The names, with their misspelling, are the checkpoints'."""


class PixelNorm(nn.Module):
    """Divides by the root mean square over dimension 1: for W+ (b, k, d) the *layers*, as in the published code."""

    def forward(self, x: Float[Tensor, "b *rest"]) -> Float[Tensor, "b *rest"]:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Mapper(nn.Module):
    """Pixel normalisation followed by four fully connected layers of the same width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = (EqualLinear(width, width, lr_mul=0.01, activate=True) for _ in range(4))
        self.mapping = nn.Sequential(PixelNorm(), *layers)

    def forward(self, x: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        return self.mapping(x)


class LatentMapper(nn.Module, abc.ABC):
    """Base class of mappers: maps codes to the offsets M(w) that are scaled by the strength and added to them."""

    @abc.abstractmethod
    def forward(self, codes: Sequence[Tensor]) -> Codes:
        """The offsets M(w), of the shapes of the codes."""

    def edit(self, codes: Sequence[Tensor], strength: float = STRENGTH) -> Codes:
        """The edited codes ``w + strength · M(w)``; 0.1 is the published strength, 0 changes nothing."""
        return [code + strength * offset for code, offset in zip(codes, self(codes), strict=True)]


class LevelsMapper(LatentMapper):
    """Separate mappers for the coarse, medium and fine layers of W+, some of which may be left out.

    Args:
        width: width d of W+.
        levels: which of `LEVELS` are edited; shape edits leave out ``fine_mapping``, which controls colour.
    """

    def __init__(self, width: int = 512, levels: Sequence[str] = tuple(LEVELS)) -> None:
        super().__init__()
        for level in levels:
            self.add_module(level, Mapper(width))

    def forward(self, codes: Sequence[Tensor]) -> Codes:
        (w_plus,) = codes
        parts = {level: w_plus[:, layers] for level, layers in LEVELS.items()}
        networks = dict(self.named_children())
        offsets = [networks[level](x) if level in networks else torch.zeros_like(x) for level, x in parts.items()]
        return [torch.cat(offsets, dim=1)]


class SingleMapper(LatentMapper):
    """One mapper for all layers of W+.

    Args:
        width: width d of W+.
    """

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        self.mapping = Mapper(width)

    def forward(self, codes: Sequence[Tensor]) -> Codes:
        (w_plus,) = codes
        return [self.mapping(w_plus)]


class StyleSpaceMapper(LatentMapper):
    """A separate mapper for each edited style of StyleSpace.

    Args:
        widths: number of channels by style index; styles that are left out do not change, such as the to-RGB styles in
            the published variant.
    """

    def __init__(self, widths: Mapping[int, int]) -> None:
        super().__init__()
        self.indices = frozenset(widths)
        for index, width in widths.items():
            self.add_module(f"mapper_{index}", Mapper(width))

    def forward(self, codes: Sequence[Tensor]) -> Codes:
        networks = dict(self.named_children())
        return [
            networks[f"mapper_{index}"](style) if index in self.indices else torch.zeros_like(style)
            for index, style in enumerate(codes)
        ]


def load_mapper(path: Path, placement: Placement) -> LatentMapper:
    """Loads a mapper from a StyleCLIP checkpoint (``mapper.*``); its kind is derived from the keys.

    Published checkpoints also contain the generator: ``parameters_of(read_checkpoint(path), "decoder")``.

    Raises:
        InputError: the file is missing, damaged or unsafe.
        ModelError: the file is of another kind.
    """
    state = parameters_of(read_checkpoint(path), "mapper")
    with torch.device("meta"):
        mapper = _mapper_of(path, state)
    load_parameters(mapper, state, str(path))
    # always float32: its cost is small compared with the generator's
    return mapper.eval().to(placement.device)


def _mapper_of(path: Path, state: Mapping[str, Tensor]) -> LatentMapper:
    widths = {
        key.removesuffix(".mapping.1.weight"): tensor.shape[0]
        for key, tensor in state.items()
        if key.endswith("mapping.1.weight")
    }
    if set(widths) == {"mapping"}:
        return SingleMapper(widths["mapping"])
    if widths and set(widths) <= set(LEVELS):
        return LevelsMapper(next(iter(widths.values())), [level for level in LEVELS if level in widths])
    if widths and all(re.fullmatch(r"mapper_\d{1,3}", name) for name in widths):
        return StyleSpaceMapper({int(name.removeprefix("mapper_")): width for name, width in sorted(widths.items())})
    raise ModelError(f"{path} holds no latent mapper of StyleCLIP (tensors such as mapper.course_mapping.*)")

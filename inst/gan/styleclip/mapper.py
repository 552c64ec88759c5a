"""Latent mappers: small networks that learn one text's edit once and then make it in one pass.

Patashnik et al. 2021, section 5. The edit is ``w + 0.1 · M(w)``; 0.1 is not part of the module.
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
"""Layers of W+ that each part of `LevelsMapper` changes; the checkpoints' names, misspelling and all."""


class PixelNorm(nn.Module):
    """Divides by the root mean square over dimension 1, which in (b, k, d) is the *layers*: so it was trained."""

    def forward(self, x: Float[Tensor, "b *rest"]) -> Float[Tensor, "b *rest"]:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Mapper(nn.Module):
    """A norm and four layers of one width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = (EqualLinear(width, width, lr_mul=0.01, activate=True) for _ in range(4))
        self.mapping = nn.Sequential(PixelNorm(), *layers)

    def forward(self, x: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        return self.mapping(x)


class LatentMapper(nn.Module, abc.ABC):
    """What every mapper is: codes to what is to be added to them, before the strength."""

    @abc.abstractmethod
    def forward(self, codes: Sequence[Tensor]) -> Codes: ...

    def edit(self, codes: Sequence[Tensor], strength: float = STRENGTH) -> Codes:
        """The changed codes; ``strength`` 0.1 is the published edit, 0 none."""
        return [code + strength * offset for code, offset in zip(codes, self(codes), strict=True)]


class LevelsMapper(LatentMapper):
    """W+ in three parts, each with a mapper of its own or left alone.

    Args:
        width: of W+.
        levels: which of `LEVELS` change; edits of shape leave out ``fine_mapping``, which is colour.
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
    """One mapper for all layers of W+."""

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        self.mapping = Mapper(width)

    def forward(self, codes: Sequence[Tensor]) -> Codes:
        (w_plus,) = codes
        return [self.mapping(w_plus)]


class StyleSpaceMapper(LatentMapper):
    """A mapper for each style of StyleSpace that changes.

    Args:
        widths: channels of the styles by their index; those left out stay, as the published variant's to-RGB.
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
    """A mapper from a StyleCLIP checkpoint (``mapper.*``), of the kind that its keys show.

    The generator it was trained with lies in the same file, as ``parameters_of(read_checkpoint(path), "decoder")``.

    Raises:
        InputError: missing, damaged or unsafe.
        ModelError: another kind of file.
    """
    state = parameters_of(read_checkpoint(path), "mapper")
    with torch.device("meta"):
        mapper = _mapper_of(path, state)
    load_parameters(mapper, state, str(path))
    # small beside the generator: in float32 whatever the rest computes in
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
    raise ModelError(f"{path} holds no latent mapper of StyleCLIP (mapper.course_mapping.* and the like)")

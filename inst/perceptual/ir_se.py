"""IR-SE50, the residual network with squeeze-and-excitation under ArcFace and under the e4e encoder.

Deng et al. 2019 (ArcFace); Hu et al. 2018 (squeeze-and-excitation). Names of the published checkpoints.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

Features = Float[Tensor, "b c h w"]
_UNIT = r"body\.(\d{1,4})\.res_layer\.1\.weight"


@dataclass(frozen=True, kw_only=True)
class IrSeLayout:
    """How deep and wide the network is; the defaults are IR-SE50.

    Attributes:
        widths: channels of each stage; the input layer has the first's.
        units: residual units of each stage; the first of them halves the size.
        reduction: how much narrower squeeze-and-excitation is inside.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    units: tuple[int, ...] = (3, 4, 14, 3)
    reduction: int = 16

    @property
    def stage_ends(self) -> tuple[int, ...]:
        """Index of the last unit of each stage."""
        return tuple(sum(self.units[: i + 1]) - 1 for i in range(len(self.units)))


def layout_of(state: Mapping[str, Tensor]) -> IrSeLayout:
    """Depth and width as the tensors ``body.*`` show them; stages are told by their widths, which must differ.

    Names of another network give IR-SE50, so that loading says what is missing.
    """
    shown = {int(m[1]): state[key].shape[0] for key in state if (m := re.fullmatch(_UNIT, key)) and state[key].ndim}
    inner = state.get("body.0.res_layer.5.fc1.weight")
    if sorted(shown) != list(range(len(shown))) or inner is None or not inner.ndim or not inner.shape[0]:
        return IrSeLayout()
    stages = [(width, len(list(group))) for width, group in itertools.groupby(shown[i] for i in range(len(shown)))]
    widths, units = zip(*stages, strict=True)
    return IrSeLayout(widths=widths, units=units, reduction=max(1, widths[0] // inner.shape[0]))


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the whole picture holds."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, width // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(width // reduction, width, 1, bias=False)

    def forward(self, x: Features) -> Features:
        pooled = x.mean((2, 3), keepdim=True)
        return x * self.fc2(self.fc1(pooled).relu()).sigmoid()


class IrSeUnit(nn.Module):
    """Norm, convolution, PReLU, convolution with the stride, norm, excitation; beside it a shortcut."""

    def __init__(self, width_in: int, width: int, stride: int, reduction: int) -> None:
        super().__init__()
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride)
            if width_in == width
            else nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(width_in),
            nn.Conv2d(width_in, width, 3, 1, 1, bias=False),
            nn.PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            SqueezeExcitation(width, reduction),
        )

    def forward(self, x: Features) -> Float[Tensor, "b c2 h2 w2"]:
        return self.res_layer(x) + self.shortcut_layer(x)


def input_layer(layout: IrSeLayout) -> nn.Sequential:
    """Pictures to the first stage's width, at full size."""
    width = layout.widths[0]
    return nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))


def body(layout: IrSeLayout) -> nn.Sequential:
    """All units of all stages, one after the other."""
    units: list[nn.Module] = []
    before = layout.widths[0]
    for width, count in zip(layout.widths, layout.units, strict=True):
        for index in range(count):
            units.append(IrSeUnit(before, width, 2 if index == 0 else 1, layout.reduction))
            before = width
    return nn.Sequential(*units)

"""IR-SE50, the residual network with squeeze-and-excitation that ArcFace and the e4e encoder are built on.

Deng et al. 2019 (ArcFace); Hu et al. 2018 (squeeze-and-excitation). Parameters have the names of the published
checkpoints.
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
    """Depth and widths of the network; the defaults are IR-SE50's.

    Attributes:
        widths: channels of each stage. The input layer has as many as the first stage.
        units: number of residual units in each stage. The first unit of a stage halves the resolution.
        reduction: ratio of a unit's channels to those inside its squeeze-and-excitation.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    units: tuple[int, ...] = (3, 4, 14, 3)
    reduction: int = 16

    @property
    def stage_ends(self) -> tuple[int, ...]:
        """Index of the last unit of each stage."""
        return tuple(sum(self.units[: i + 1]) - 1 for i in range(len(self.units)))


def layout_of(state: Mapping[str, Tensor]) -> IrSeLayout:
    """The layout that the tensors ``body.*`` imply. Consecutive stages are distinguished by their widths.

    Tensors of another network give IR-SE50, so that loading reports what is missing.
    """
    unit_widths = {
        int(m[1]): state[key].shape[0] for key in state if (m := re.fullmatch(_UNIT, key)) and state[key].ndim
    }
    inner = state.get("body.0.res_layer.5.fc1.weight")
    is_complete = sorted(unit_widths) == list(range(len(unit_widths)))
    if not is_complete or inner is None or not inner.ndim or not inner.shape[0]:
        return IrSeLayout()
    stages = [
        (width, len(list(group))) for width, group in itertools.groupby(unit_widths[i] for i in range(len(unit_widths)))
    ]
    widths, units = zip(*stages, strict=True)
    return IrSeLayout(widths=widths, units=units, reduction=max(1, widths[0] // inner.shape[0]))


class SqueezeExcitation(nn.Module):
    """Channel attention: each channel is scaled by a gate computed from the global averages of all channels."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, width // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(width // reduction, width, 1, bias=False)

    def forward(self, x: Features) -> Features:
        pooled = x.mean((2, 3), keepdim=True)
        return x * self.fc2(self.fc1(pooled).relu()).sigmoid()


class IrSeUnit(nn.Module):
    """A residual unit: norm, convolution, PReLU, strided convolution, norm, squeeze-and-excitation, and a shortcut."""

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
    """The first convolution, at full resolution, from RGB to the width of the first stage."""
    width = layout.widths[0]
    return nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))


def body(layout: IrSeLayout) -> nn.Sequential:
    """The residual units of all stages in sequence."""
    units: list[nn.Module] = []
    previous_width = layout.widths[0]
    for width, count in zip(layout.widths, layout.units, strict=True):
        for index in range(count):
            units.append(IrSeUnit(previous_width, width, 2 if index == 0 else 1, layout.reduction))
            previous_width = width
    return nn.Sequential(*units)

"""A style classifier that does not use the embedded CLIP: linear, on statistics of fixed filter responses.

It is independent of the model it evaluates: none of its weights was trained together with it. Its accuracy on unseen
renderings is printed beside every share that it measures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from inst.metrics.style import luminance
from inst.shapes import Image

SCALES = (1.0, 0.5, 0.25)
SIDE, FILTERS = 7, 48


class StyleClassifier:
    """Softmax regression on standardised features, fitted with L-BFGS."""

    def __init__(self, examples: Sequence[Float[Tensor, " f"]], labels: Sequence[int], classes: int) -> None:
        x, y = torch.stack(list(examples)), torch.tensor(labels)
        self.mean, self.std = x.mean(0), x.std(0) + 1e-3
        self.linear = nn.Linear(x.shape[1], classes)
        nn.init.zeros_(self.linear.weight)
        x = (x - self.mean) / self.std
        optimizer = torch.optim.LBFGS(self.linear.parameters(), max_iter=200, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(self.linear(x), y) + 3e-3 * self.linear.weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)

    @torch.no_grad()
    def __call__(self, example: Float[Tensor, " f"]) -> int:
        """The index of the predicted style."""
        return int(self.linear((example - self.mean) / self.std).argmax())


def features(image: Image) -> Float[Tensor, " f"]:
    """Moments of filter responses at three scales and of the colours; ``image`` (1, 3, h, w) in [-1, 1]."""
    bank, statistics = _bank(), []
    for scale in SCALES:
        small = functional.interpolate(image, scale_factor=scale, mode="area") if scale < 1 else image
        statistics.append(_texture(luminance(small), bank))
    grey, chroma = luminance(image).flatten(), image[0] - image[0].mean(0)
    tones = torch.quantile(grey[::3], torch.linspace(0.02, 0.98, 9))
    return torch.cat([*statistics, tones, chroma.flatten(1).std(1), chroma.abs().mean((1, 2))])


def _bank() -> Float[Tensor, "k 1 s s"]:
    """Random windowed filters with mean 0 and norm 1; the same in every call."""
    bank = torch.randn(FILTERS, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    window = torch.hann_window(SIDE + 2, periodic=False)[1:-1]
    bank = bank * window.outer(window)
    bank = bank - bank.mean((2, 3), keepdim=True)
    return functional.normalize(bank.flatten(1), dim=1).view_as(bank)


def _texture(grey: Float[Tensor, "1 1 h w"], bank: Float[Tensor, "k 1 s s"]) -> Float[Tensor, " f"]:
    """Standard deviation, skewness and kurtosis of the filter responses, and quantiles of neighbour differences."""
    response = functional.conv2d(grey, bank)[0].flatten(1)
    deviation = response.std(1) + 1e-4
    unit = response / deviation[:, None]
    steps = torch.cat([grey.diff(dim=-1).flatten(), grey.diff(dim=-2).flatten()]).abs()
    levels = torch.quantile(steps[:: max(1, steps.numel() // 20_000)], torch.linspace(0.1, 0.95, 8))
    return torch.cat([deviation.log(), (unit**3).mean(1), (unit**4).mean(1).log(), levels.clamp_min(1e-4).log()])

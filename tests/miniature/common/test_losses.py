"""The texture loss compares strokes independently of their positions."""

import pytest
import torch
from torch.nn import functional

from miniature.common.losses import gradient_energy, texture_loss


def strokes() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def loss(out: torch.Tensor, x: torch.Tensor) -> float:
    torch.manual_seed(0)
    return texture_loss(out, x).item()


def test_it_is_zero_for_the_picture_itself_and_independent_of_brightness():
    assert loss(strokes(), strokes()) == 0
    assert loss(strokes() + 0.1, strokes()) < 1e-5


def test_blur_has_a_high_loss_and_similar_strokes_elsewhere_a_low_one():
    blurred = functional.avg_pool2d(strokes(), 3, 1, 1)
    assert loss(blurred, strokes()) > 0.3
    assert loss(strokes().flip(-1), strokes()) < 0.05


def test_its_gradient_sharpens():
    out = functional.avg_pool2d(strokes(), 3, 1, 1).requires_grad_()
    for _ in range(20):
        (gradient,) = torch.autograd.grad(texture_loss(out, strokes()), out)
        out = (out - 200 * gradient).detach().requires_grad_()
    before, after = (
        picture.diff(dim=-1).square().mean() for picture in (functional.avg_pool2d(strokes(), 3, 1, 1), out)
    )
    assert after > 1.2 * before


def test_blur_reduces_gradient_energy_which_is_correct_for_a_ramp():
    ramp = torch.arange(8.0).expand(2, 3, 5, 8) / 10
    torch.testing.assert_close(gradient_energy(ramp), torch.full((2,), 0.01))
    blurred = functional.avg_pool2d(strokes(), 3, 1, 1)
    assert (gradient_energy(blurred) < 0.6 * gradient_energy(strokes())).all()
    assert gradient_energy(strokes() / 2) == pytest.approx(gradient_energy(strokes()) / 4)

"""A picture is found again, and what was lost is measured."""

import pytest
import torch
from support.gan_doubles import TinyClip
from torch.testing import assert_close

from inst.errors import ConfigError
from inst.gan.invert import invert, measure_loss, noise_likeness
from inst.gan.losses import ClipView
from inst.gan.settings import InvertSettings


@pytest.fixture
def calm(narrow):
    """Pictures inside [-1, 1], as those of trained generators."""
    for layer in narrow.to_rgbs:
        layer.weight.mul_(0.15)
    return narrow


@pytest.mark.parametrize("noise", [True, False])
def test_a_drawn_picture_is_found_again(calm, z, noise):
    target = calm(calm.map(z[:2])).clamp(-1, 1)
    start = calm(calm.to_w_plus(calm.latent_avg[None]))
    *_, last = invert(target, None, calm, InvertSettings(steps=100, noise=noise))
    found = calm(last.w_plus, last.noise)
    before, after = (measure_loss(target, picture).psnr for picture in (start.expand(2, -1, -1, -1), found))
    assert (after > before + 10).all(), (before, after)
    assert_close(last.noise[2] == calm.convs[2].noise, torch.full((2, 8, 8), not noise))


def test_a_row_comes_out_as_it_would_alone(calm, z):
    target = calm(calm.map(z[:2]))
    settings = InvertSettings(steps=5)
    *_, both = invert(target, None, calm, settings, clip=ClipView(TinyClip()))
    *_, one = invert(target[1:], None, calm, settings, clip=ClipView(TinyClip()))
    assert_close(both.w_plus[1:], one.w_plus, atol=1e-4, rtol=1e-3)


def test_a_given_start_is_the_start(calm, z):
    w_plus = calm.to_w_plus(calm.map(z[:1]))
    steps = list(invert(calm(w_plus), w_plus, calm, InvertSettings(steps=4)))
    assert steps[0].pixel < 1e-6 and len(steps) == 4
    away = list(invert(calm(w_plus), None, calm, InvertSettings(steps=4)))
    assert away[0].pixel > 100 * steps[0].pixel


def test_noise_that_carries_a_picture_is_told_from_noise():
    noise = torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise[:, None], 3, 1, 1)[:, 0]
    smooth = smooth / smooth.std()
    assert noise_likeness([smooth]) > 20 * noise_likeness([noise])
    stripes = torch.ones(1, 8, 8)
    stripes[:, ::2] = -1  # by hand: 1 along rows, -1 along columns, both squared
    assert noise_likeness([stripes]) == pytest.approx(2.0)


def test_loss_by_hand():
    black, grey = torch.full((1, 3, 16, 16), -1.0), torch.full((1, 3, 16, 16), -0.8)
    assert measure_loss(black, grey).psnr.item() == pytest.approx(20.0, abs=1e-4)
    assert measure_loss(black, grey).identity is None


def test_maps_of_another_generator_are_refused(narrow, z):
    with pytest.raises(ConfigError, match="4 noise maps do not fit: this 16 px generator takes 5"):
        narrow(narrow.map(z), [torch.zeros(1, 4, 4)] * 4)
    maps = [conv.noise[None] for conv in narrow.convs]
    assert torch.equal(narrow(narrow.map(z), maps), narrow(narrow.map(z)))

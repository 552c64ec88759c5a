"""Inversion by optimisation, and the measure of its reconstruction loss."""

import pytest
import torch
from support.gan_doubles import TinyClip
from torch.testing import assert_close

from inst.errors import ConfigError
from inst.gan.invert import invert, measure_loss, noise_likeness
from inst.gan.losses import ClipView
from inst.gan.settings import InvertSettings


@pytest.fixture
def bounded(narrow):
    """The narrow generator with images inside [-1, 1], like those of trained generators."""
    for layer in narrow.to_rgbs:
        layer.weight.mul_(0.15)
    return narrow


@pytest.mark.parametrize("noise", [True, False])
def test_a_generated_image_is_reconstructed(bounded, z, noise):
    target = bounded(bounded.map(z[:2])).clamp(-1, 1)
    start = bounded(bounded.to_w_plus(bounded.latent_avg[None]))
    *_, last = invert(target, None, bounded, InvertSettings(steps=100, noise=noise))
    found = bounded(last.w_plus, last.noise)
    before, after = (measure_loss(target, picture).psnr for picture in (start.expand(2, -1, -1, -1), found))
    assert (after > before + 10).all(), (before, after)
    assert_close(last.noise[2] == bounded.convs[2].noise, torch.full((2, 8, 8), not noise))


def test_an_image_is_inverted_independently_of_its_batch(bounded, z):
    target = bounded(bounded.map(z[:2]))
    settings = InvertSettings(steps=5)
    *_, both = invert(target, None, bounded, settings, clip=ClipView(TinyClip()))
    *_, one = invert(target[1:], None, bounded, settings, clip=ClipView(TinyClip()))
    assert_close(both.w_plus[1:], one.w_plus, atol=1e-4, rtol=1e-3)


def test_a_given_start_is_used(bounded, z):
    w_plus = bounded.to_w_plus(bounded.map(z[:1]))
    steps = list(invert(bounded(w_plus), w_plus, bounded, InvertSettings(steps=4)))
    assert steps[0].pixel < 1e-6 and len(steps) == 4
    away = list(invert(bounded(w_plus), None, bounded, InvertSettings(steps=4)))
    assert away[0].pixel > 100 * steps[0].pixel


def test_noise_regularisation_penalises_noise_with_image_content():
    noise = torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise[:, None], 3, 1, 1)[:, 0]
    smooth = smooth / smooth.std()
    assert noise_likeness([smooth]) > 20 * noise_likeness([noise])
    stripes = torch.ones(1, 8, 8)
    stripes[:, ::2] = -1  # the autocorrelation is 1 along rows and -1 along columns; both are squared
    assert noise_likeness([stripes]) == pytest.approx(2.0)


def test_psnr_of_a_uniform_difference():
    black, grey = torch.full((1, 3, 16, 16), -1.0), torch.full((1, 3, 16, 16), -0.8)
    assert measure_loss(black, grey).psnr.item() == pytest.approx(20.0, abs=1e-4)
    assert measure_loss(black, grey).identity is None


def test_noise_maps_of_another_generator_are_refused(narrow, z):
    with pytest.raises(ConfigError, match="4 noise maps do not fit: this 16 px generator takes 5"):
        narrow(narrow.map(z), [torch.zeros(1, 4, 4)] * 4)
    maps = [conv.noise[None] for conv in narrow.convs]
    assert torch.equal(narrow(narrow.map(z), maps), narrow(narrow.map(z)))

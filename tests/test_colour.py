"""Colour transfer: keeping the colours of the content, and matching mean and covariance."""

import warnings

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2lab

from inst import colour
from inst.image import resize


def photo(pixels) -> torch.Tensor:
    return resize(torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1, 48, 64)


CONTENT, STYLE = photo(data.astronaut()), photo(data.coffee())


def lab(image) -> np.ndarray:
    return rgb2lab(((image[0].permute(1, 2, 0) + 1) / 2).numpy())


def test_keeping_an_images_own_colours_changes_nothing():
    assert (colour.keep_colors(CONTENT, CONTENT) - CONTENT).abs().max() < 1e-4


def test_lightness_comes_from_the_result_and_chroma_from_the_content():
    muted = 0.3 * STYLE  # inside the sRGB gamut, so nothing is clipped
    kept = lab(colour.keep_colors(muted, 0.3 * CONTENT))
    assert np.abs(kept[..., 0] - lab(muted)[..., 0]).mean() < 0.5
    assert np.abs(kept[..., 1:] - lab(0.3 * CONTENT)[..., 1:]).mean() < 0.5


def test_a_grey_content_gives_a_grey_result_at_any_size():
    grey = CONTENT.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    kept = colour.keep_colors(STYLE, resize(grey, 30, 40))
    assert kept.shape == STYLE.shape and kept.dtype == STYLE.dtype
    assert (kept.amax(1) - kept.amin(1)).max() < 0.01
    assert kept.min() >= -1 and kept.max() <= 1


def test_colours_outside_srgb_are_clipped_without_a_warning():
    dark = torch.full_like(CONTENT, -1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.isfinite(colour.keep_colors(dark, CONTENT)).all()


def test_mean_and_covariance_match_the_style():
    result = colour.transfer_mean_covariance(0.2 * CONTENT, 0.2 * STYLE)
    for statistic in (lambda x: x.mean(1), torch.cov):
        expected, got = (statistic(x[0].reshape(3, -1).double()) for x in (0.2 * STYLE, result))
        assert torch.allclose(got, expected, atol=1e-4)
    assert (result - 0.2 * STYLE).abs().mean() > 0.02  # the image content is that of the content image


def test_transfer_from_itself_and_from_a_uniform_colour():
    assert (colour.transfer_mean_covariance(CONTENT, CONTENT) - CONTENT).abs().max() < 1e-3
    plain = torch.tensor([0.5, -0.2, 0.1]).reshape(1, 3, 1, 1).expand(1, 3, 16, 16)
    assert (colour.transfer_mean_covariance(CONTENT, plain) - plain[..., :1, :1]).abs().max() < 1e-2
    assert colour.transfer_mean_covariance(plain, STYLE).isfinite().all()
    with pytest.raises(ValueError, match="expected one image"):
        colour.transfer_mean_covariance(CONTENT.repeat(2, 1, 1, 1), STYLE.repeat(2, 1, 1, 1))

"""Resizing, and fitting to the size of a model and back."""

import numpy as np
import PIL.Image
import pytest
import torch
from support.pictures import PHOTO, pixels

from inst import image as img


def test_resizing_matches_pillow():
    image = img.from_pil(PHOTO)
    expected = np.asarray(PHOTO.resize((50, 40), PIL.Image.Resampling.BICUBIC))
    assert np.abs(pixels(img.resize(image, 40, 50)) - expected).mean() < 0.6
    assert img.resize(image, 96, 120) is image
    assert img.resize(image, 300, 200).abs().max() <= 1


@pytest.mark.parametrize("size", [(65, 70), (96, 120), (512, 64), (64, 64), (1, 1), (200, 333)])
@pytest.mark.parametrize("short_side", [64, 100])
def test_fitting_pads_to_a_multiple_and_restores_the_size(size, short_side):
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    image = torch.stack([y, x, -y])[None]
    fitted, steps = img.fit(image, short_side, 16)
    height, width = fitted.shape[-2:]
    assert height % 16 == width % 16 == 0
    assert min(height, width) - 16 < short_side <= min(height, width)
    assert abs(steps.inner_height / steps.inner_width - size[0] / size[1]) < 0.02 * size[0] / size[1]
    back = img.restore(fitted, steps)
    assert back.shape == image.shape
    assert (back - image).abs().mean() < 0.02


def test_fitting_an_image_of_the_right_size_changes_nothing():
    image = img.from_pil(PHOTO)
    fitted, steps = img.fit(image, 96, 8)
    assert torch.equal(fitted, image) and torch.equal(img.restore(fitted, steps), image)
    with pytest.raises(ValueError, match="fitted to"):
        img.restore(torch.zeros(1, 3, 8, 8), steps)


def test_padding_reflects_the_border():
    image = img.from_pil(PHOTO)[..., :65, :64]
    fitted, steps = img.fit(image, 64, 16)
    assert fitted.shape[-2:] == (80, 64) and steps.top == 7
    assert torch.equal(fitted[0, :, 6], image[0, :, 1])

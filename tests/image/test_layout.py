"""Rows and grids of images."""

import pytest
import torch
from support.pictures import PHOTO

from inst import image as img


def test_images_side_by_side_and_in_a_grid():
    image = img.from_pil(PHOTO)
    row = img.side_by_side([image, image[..., :48, :60]])
    assert row.shape == (1, 3, 96, 120 + 8 + 120)
    assert torch.equal(row[..., :120], image) and row[..., 120:128].min() == 1
    labelled = img.side_by_side([image, image], ["before", "after"])
    assert labelled.shape[-2] > 96 and labelled[..., 96:, :].min() < 0 < labelled[..., 96:, :].mean()
    table = img.grid([[image, image], [image]], ["a"])
    assert table.shape[-1] == 248
    with pytest.raises(ValueError, match="1 labels"):
        img.side_by_side([image, image], ["one"])

"""A photo to save in any format, and helpers to read it back."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from skimage import data

from inst import image as img
from inst.errors import InputError

PHOTO = PIL.Image.fromarray(data.astronaut()).resize((120, 96))


def saved(path: Path, picture: PIL.Image.Image = PHOTO, **options) -> Path:
    picture.save(path, **options)
    return path


def pixels(image) -> np.ndarray:
    """The image as an array (h, w, 3) in [0, 255]."""
    return ((image[0].permute(1, 2, 0) + 1) * 127.5).numpy()


def refused(path: Path, words: str, **options) -> str:
    with pytest.raises(InputError, match=words) as caught:
        img.read_image(path, **options)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message

"""Pictures as tensors: reading, writing, conversion, resizing, layout, and the generation settings stored in files.

An image is always a float tensor (b, 3, h, w), sRGB in [-1, 1]. No other module reads or writes picture files.

>>> import tempfile
>>> from pathlib import Path
>>> import torch
>>> path = Path(tempfile.mkdtemp()) / "grey.png"
>>> write_image(path, torch.zeros(1, 3, 64, 96), text={"parameters": "a grey picture"})
>>> read_image(path).image.shape, read_image_text(path)
(torch.Size([1, 3, 64, 96]), {'parameters': 'a grey picture'})
"""

from inst.image.convert import from_pil, to_pil
from inst.image.inputs import PictureInput, as_picture, as_pictures
from inst.image.layout import grid, side_by_side
from inst.image.read import Picture, list_images, read_image
from inst.image.size import Restore, fit, resize, restore
from inst.image.text import read_image_text
from inst.image.write import write_image

__all__ = [
    "Picture",
    "PictureInput",
    "Restore",
    "as_picture",
    "as_pictures",
    "fit",
    "from_pil",
    "grid",
    "list_images",
    "read_image",
    "read_image_text",
    "resize",
    "restore",
    "side_by_side",
    "to_pil",
    "write_image",
]

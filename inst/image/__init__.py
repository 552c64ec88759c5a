"""The door to pictures: file ↔ tensor (1, 3, h, w), sRGB in [-1, 1]; sizes; the settings written inside them."""

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

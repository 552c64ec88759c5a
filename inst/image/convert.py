"""Conversion of PIL images of any mode to 8-bit sRGB, and between 8-bit sRGB and tensors."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import torch
from PIL import ImageCms

from inst.errors import InputError
from inst.shapes import Image

Matte = tuple[int, int, int]
WHITE: Matte = (255, 255, 255)
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_STRIP = 256  # Rows converted to float at a time, so that a large picture needs little more memory than its tensor.


def to_pil(image: Image) -> PIL.Image.Image:
    """A PIL image (8-bit RGB) of a tensor.

    Args:
        image: (1, 3, h, w), sRGB; values outside [-1, 1] are clamped.

    Raises:
        ValueError: a batch of more than one image.

    >>> import torch
    >>> to_pil(torch.ones(1, 3, 2, 2)).getpixel((0, 0))
    (255, 255, 255)
    """
    if image.shape[0] != 1:
        raise ValueError(f"expected one image, got a batch of {image.shape[0]}")
    pixels = image.detach()[0].float().cpu().add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return PIL.Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def from_pil(picture: PIL.Image.Image) -> Image:
    """The tensor (1, 3, h, w), sRGB in [-1, 1], of a PIL image of any mode.

    The EXIF orientation and the colour profile are applied, and transparent areas are filled with white.

    Raises:
        InputError: the picture contains NaN or infinity.

    >>> from_pil(PIL.Image.new("L", (96, 64), 255)).shape
    torch.Size([1, 3, 64, 96])
    """
    return rgb_to_tensor(to_rgb(picture, WHITE)[0])


def rgb_to_tensor(rgb: PIL.Image.Image) -> Image:
    """The tensor (1, 3, h, w) in [-1, 1] of an 8-bit RGB picture. EXIF orientation and colour profile are ignored."""
    width, height = rgb.size
    image = torch.empty(1, 3, height, width)
    for top in range(0, height, _STRIP):
        strip = np.array(rgb.crop((0, top, width, min(top + _STRIP, height))))
        image[0, :, top : top + _STRIP] = torch.from_numpy(strip).permute(2, 0, 1)
    return image.div_(127.5).sub_(1)


def to_rgb(picture: PIL.Image.Image, matte: Matte) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Convert a PIL image of any mode to 8-bit sRGB, with its EXIF orientation applied.

    Args:
        picture: the picture to convert.
        matte: the RGB colour behind transparent areas, 0 to 255.

    Returns:
        The converted picture, and notes for the user about the conversion.

    Raises:
        InputError: the picture contains NaN or infinity.
    """
    notes: tuple[str, ...] = ()
    upright = _orientation(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture, notes = _to_8_bit_grey(picture)
    alpha = None
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture, alpha = _split_alpha(picture)
    rgb, profile_notes = _to_srgb(picture)
    del picture
    if alpha is not None:
        background = PIL.Image.new("RGB", rgb.size, matte)
        background.paste(rgb, mask=alpha)
        rgb = background
    return (rgb if upright is None else rgb.transpose(upright)), notes + profile_notes


_EXIF_TRANSPOSES = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def _orientation(picture: PIL.Image.Image) -> PIL.Image.Transpose | None:
    try:
        return _EXIF_TRANSPOSES.get(picture.getexif().get(0x0112, 1))
    except Exception:  # Cameras write EXIF in many ways. Damaged EXIF must not make the picture unreadable.
        return None


def _to_8_bit_grey(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Convert 16-bit, 32-bit and float greyscale to 8 bits.

    16-bit values are scaled from their full range. The range of the others is the smallest of 0 … 1 (floats only),
    0 … 255 and 0 … 65535 that contains all values, or else the range of the values themselves, which is noted.
    """
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return _scaled(values, 0, 65535), ()
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise InputError("it contains NaN or infinity")
    for top in (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0):
        if low >= 0 and high <= top:
            return _scaled(values, 0, top), ()
    return _scaled(values, low, high), (f"its values {low:g} … {high:g} were scaled to black … white",)


def _scaled(values: np.ndarray, low: float, high: float) -> PIL.Image.Image:
    scale = 255.0 / ((high - low) or 1.0)
    grey = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _STRIP):
        grey[top : top + _STRIP] = np.rint((values[top : top + _STRIP].astype(np.float64) - low) * scale)
    return PIL.Image.fromarray(grey)


def _split_alpha(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, PIL.Image.Image]:
    """The colours (L or RGB) and the alpha channel. Pillow's conversion to RGBA undoes premultiplied alpha."""
    grey = picture.mode in ("L", "LA", "La", "1")
    profile = picture.info.get("icc_profile")
    full = picture.convert("RGBA")
    del picture
    alpha = full.getchannel("A")
    colours = full.getchannel("R") if grey else full.convert("RGB")
    colours.info["icc_profile"] = profile
    return colours, alpha


def _to_srgb(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    profile = picture.info.get("icc_profile")
    if picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    if not profile:
        return (picture if picture.mode == "RGB" else picture.convert("RGB")), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        converted = ImageCms.profileToProfile(picture, source, _SRGB, intent, outputMode="RGB", flags=flags)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # The profile is damaged or for another colour space than the picture's. Viewers ignore such profiles as well.
        return picture.convert("RGB"), ("its colour profile does not match the picture and was ignored",)
    return converted or picture.convert("RGB"), ()

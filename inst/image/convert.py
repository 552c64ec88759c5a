"""Every kind of Pillow picture to 8-bit sRGB, and that to a tensor and back."""

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
_STRIP = 256  # rows turned to float at a time: the memory of a large picture is then its tensor and little else


def to_pil(image: Image) -> PIL.Image.Image:
    """One picture (1, 3, h, w) in [-1, 1] as 8-bit RGB; values outside are clamped."""
    if image.shape[0] != 1:
        raise ValueError(f"one picture at a time, got {image.shape[0]}")
    pixels = image.detach()[0].float().cpu().add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return PIL.Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def from_pil(picture: PIL.Image.Image) -> Image:
    """A Pillow picture of any mode as (1, 3, h, w) in [-1, 1]; transparency on white.

    Raises:
        InputError: a mode without colours, or values that are no numbers.
    """
    return rgb_to_tensor(to_rgb(picture, WHITE)[0])


def rgb_to_tensor(rgb: PIL.Image.Image) -> Image:
    """An 8-bit RGB picture as it is, whatever its EXIF says, as (1, 3, h, w) in [-1, 1]."""
    width, height = rgb.size
    image = torch.empty(1, 3, height, width)
    for top in range(0, height, _STRIP):
        strip = np.array(rgb.crop((0, top, width, min(top + _STRIP, height))))
        image[0, :, top : top + _STRIP] = torch.from_numpy(strip).permute(2, 0, 1)
    return image.div_(127.5).sub_(1)


def to_rgb(picture: PIL.Image.Image, matte: Matte) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """8-bit sRGB, upright as its EXIF says, transparency on ``matte``; and what the user should know about it."""
    notes: tuple[str, ...] = ()
    upright = _orientation(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture, notes = _wide_to_grey(picture)
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


_TURNS = {
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
        return _TURNS.get(picture.getexif().get(0x0112, 1))
    except Exception:  # EXIF is written by every camera in its own way: a broken one must not cost the picture
        return None


def _wide_to_grey(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """16-bit, 32-bit and float greys to 8 bits: 16 bits by their full range, the others by what they hold."""
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return _scaled(values, 0, 65535), ()
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise InputError("it holds values that are no numbers (NaN or Inf)")
    for top in (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0):
        if low >= 0 and high <= top:
            return _scaled(values, 0, top), ()
    return _scaled(values, low, high), (f"its values {low:g} … {high:g} were stretched to black … white",)


def _scaled(values: np.ndarray, low: float, high: float) -> PIL.Image.Image:
    scale = 255.0 / ((high - low) or 1.0)
    grey = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _STRIP):
        grey[top : top + _STRIP] = np.rint((values[top : top + _STRIP].astype(np.float64) - low) * scale)
    return PIL.Image.fromarray(grey)


def _split_alpha(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, PIL.Image.Image]:
    """Colours without, and the transparency; premultiplied kinds are divided out first by Pillow's conversion."""
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
        # A profile of another colour space than the picture's, or a broken one: viewers ignore it as well.
        return picture.convert("RGB"), ("its colour profile does not fit it and was left out",)
    return converted or picture.convert("RGB"), ()

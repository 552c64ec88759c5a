"""Conversion of images to sRGB in [-1, 1]: 16-bit and float greys, transparency, CMYK, colour profiles."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from PIL import ImageCms
from support.pictures import PHOTO, pixels, refused, saved

from inst import image as img


def test_conversion_from_and_to_pil_is_inverse():
    image = img.from_pil(PHOTO)
    assert image.min() >= -1 and image.max() <= 1
    assert np.array_equal(np.asarray(img.to_pil(image)), np.asarray(PHOTO))
    assert np.asarray(img.to_pil(torch.full((1, 3, 2, 2), 7.0))).max() == 255


def test_a_tall_image_is_converted_in_strips_without_seams():
    tall = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 9, 3), np.uint8))
    assert np.array_equal(np.asarray(img.to_pil(img.from_pil(tall))), np.asarray(tall))


RAMP = np.tile(np.linspace(0, 1, 96), (96, 1))


@pytest.mark.parametrize(
    "name, values",
    [
        ("grey16.png", (RAMP * 65535).astype(np.uint16)),
        ("grey16.tiff", (RAMP * 65535).astype(np.uint16)),
        ("float1.tiff", RAMP.astype(np.float32)),
        ("float255.tiff", (RAMP * 255).astype(np.float32)),
        ("float65535.tiff", (RAMP * 65535).astype(np.float32)),
        ("int16.tiff", (RAMP * 65535).astype(np.int32)),
        ("grey8.png", np.rint(RAMP * 255).astype(np.uint8)),
    ],
)
def test_high_bit_depth_greys_are_scaled_by_their_range(tmp_path, name, values):
    picture = img.read_image(saved(tmp_path / name, PIL.Image.fromarray(values)))
    assert np.abs(pixels(picture.image) - RAMP[..., None] * 255).max() <= 0.51
    assert picture.notes == ()


def test_floats_of_unknown_range_are_scaled_with_a_note(tmp_path):
    values = (RAMP * 3 - 1).astype(np.float32)
    picture = img.read_image(saved(tmp_path / "x.tiff", PIL.Image.fromarray(values)))
    assert np.abs(pixels(picture.image) - RAMP[..., None] * 255).max() <= 0.51
    assert "-1 … 2 were scaled" in picture.notes[0]
    values[3, 3] = np.nan
    refused(saved(tmp_path / "x.tiff", PIL.Image.fromarray(values)), "NaN or infinity")


def half_clear(mode: str) -> PIL.Image.Image:
    rgba = PIL.Image.new("RGBA", (80, 64), (200, 0, 0, 255))
    rgba.paste((0, 0, 250, 0), (0, 0, 40, 64))  # the colour of fully transparent pixels
    if mode == "P":
        picture = PIL.Image.new("P", (80, 64), 1)
        picture.putpalette([0, 0, 250, 200, 0, 0])
        picture.paste(0, (0, 0, 40, 64))
        picture.info["transparency"] = 0
        return picture
    return rgba.convert(mode)


@pytest.mark.parametrize("mode, name", [("RGBA", "x.png"), ("LA", "x.png"), ("P", "x.png"), ("P", "x.gif"),
                                        ("RGBA", "x.webp"), ("RGBA", "x.tiff")])  # fmt: skip
@pytest.mark.parametrize("matte", [(255, 255, 255), (10, 20, 30)])
def test_transparent_pixels_become_the_matte_colour(tmp_path, mode, name, matte):
    options = {"lossless": True} if name.endswith("webp") else {"transparency": 0} if mode == "P" else {}
    result = pixels(img.read_image(saved(tmp_path / name, half_clear(mode), **options), matte=matte).image)
    assert np.abs(result[:, :40] - matte).max() < 1
    red = (200, 0, 0) if mode != "LA" else (60, 60, 60)
    assert np.abs(result[:, 40:] - red).max() < 1


def test_half_transparent_pixels_are_blended_with_the_matte(tmp_path):
    path = saved(tmp_path / "x.png", PIL.Image.new("RGBA", (64, 64), (0, 0, 0, 128)))
    assert abs(pixels(img.read_image(path).image).mean() - 127) <= 1


def test_a_transparent_colour_key_in_a_png_without_alpha(tmp_path):
    picture = PIL.Image.new("RGB", (64, 64), (1, 2, 3))
    path = saved(tmp_path / "x.png", picture, transparency=(1, 2, 3))
    assert pixels(img.read_image(path).image).min() == 255


def cmyk_profile() -> bytes | None:
    for folder in (Path("/usr/share/color/icc"), Path("/System/Library/ColorSync/Profiles")):
        for path in sorted(folder.rglob("*.ic[cm]")) if folder.is_dir() else ():
            profile = ImageCms.ImageCmsProfile(str(path)).profile
            if profile.xcolor_space.strip() == "CMYK":
                return path.read_bytes()
    return None


def test_cmyk_without_a_profile(tmp_path):
    cmyk = PIL.Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    for name in ("x.jpg", "x.tiff"):
        result = pixels(img.read_image(saved(tmp_path / name, cmyk)).image)
        assert np.abs(result - (255, 0, 0)).max() < 8


def test_cmyk_with_a_profile(tmp_path):
    profile = cmyk_profile()
    if profile is None:
        pytest.skip("no CMYK profile on this machine")
    cmyk = PIL.Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    picture = img.read_image(saved(tmp_path / "x.jpg", cmyk, icc_profile=profile, quality=95))
    assert picture.notes == ()
    red, green, blue = pixels(picture.image).mean((0, 1))
    assert 200 < red < 255 and 10 < green < 90 and 10 < blue < 90  # the red of the ink profile, not pure sRGB red


def test_a_colour_profile_is_applied(tmp_path):
    """With a profile whose red and blue primaries are swapped, red becomes blue."""
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    path = saved(tmp_path / "x.png", PIL.Image.new("RGB", (64, 64), (250, 20, 20)), icc_profile=bytes(swapped))
    picture = img.read_image(path)
    assert np.abs(pixels(picture.image) - (20, 20, 250)).max() < 4
    path = saved(tmp_path / "y.png", PIL.Image.new("RGBA", (64, 64), (250, 20, 20, 255)), icc_profile=bytes(swapped))
    assert np.abs(pixels(img.read_image(path).image) - (20, 20, 250)).max() < 4


def test_an_invalid_profile_is_ignored_with_a_note(tmp_path):
    path = saved(tmp_path / "x.png", icc_profile=b"no profile at all")
    picture = img.read_image(path)
    assert np.abs(pixels(picture.image) - np.asarray(PHOTO)).max() < 1e-3
    assert "profile" in picture.notes[0]

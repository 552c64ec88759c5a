"""Writing images, and the settings stored in them."""

import json

import numpy as np
import PIL.Image
import pytest
from PIL import PngImagePlugin
from support.pictures import PHOTO, pixels, saved

from inst import image as img
from inst.errors import InputError

TEXTS = {
    "parameters": "a lighthouse, [C] Grüße 你好 🎨\nNegative prompt: x\nSteps: 5, Sampler: DDIM, Seed: 1",
    "inst": json.dumps({"seed": 1, "prompt": "ü"}),
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp"])
@pytest.mark.parametrize("text", [TEXTS, {"parameters": "plain"}, {"inst": "{}"}, {}, None])
def test_images_and_their_text_are_read_back(tmp_path, suffix, text):
    path = tmp_path / f"x.{suffix}"
    image = img.from_pil(PHOTO)
    img.write_image(path, image, text=text)
    assert img.read_image_text(path) == (text or {})
    error = np.abs(pixels(img.read_image(path).image) - np.asarray(PHOTO)).mean()
    assert error < (1e-4 if suffix == "png" else 4)


def test_the_text_is_stored_where_other_tools_look_for_it(tmp_path):
    image = img.from_pil(PHOTO)
    for name in ("x.png", "x.jpg", "x.webp"):
        img.write_image(tmp_path / name, image, text=TEXTS)
    assert PIL.Image.open(tmp_path / "x.png").text["parameters"] == TEXTS["parameters"]
    for name in ("x.jpg", "x.webp"):
        comment = PIL.Image.open(tmp_path / name).getexif().get_ifd(0x8769)[0x9286]
        assert comment == b"UNICODE\0" + TEXTS["parameters"].encode("utf-16-be")
    assert str(tmp_path).encode() not in b"".join((tmp_path / name).read_bytes() for name in ("x.png", "x.jpg"))


def test_exif_comments_of_other_tools_are_read(tmp_path):
    for raw in (b"UNICODE\0" + "Steps: 3".encode("utf-16-le"), b"ASCII\0\0\0Steps: 3", b"\0" * 8 + b"Steps: 3"):
        exif = PIL.Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = raw
        exif[0x010E] = "a holiday"
        assert img.read_image_text(saved(tmp_path / "x.jpg", exif=exif)) == {"parameters": "Steps: 3"}


def test_a_description_that_nests_without_end_is_words(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x010E] = "[" * 60_000
    assert img.read_image_text(saved(tmp_path / "x.jpg", exif=exif)) == {}


def test_unsupported_formats_and_overlong_texts_are_refused(tmp_path):
    image = img.from_pil(PHOTO)
    with pytest.raises(InputError, match=r"supported formats are \.png, \.jpg and \.webp"):
        img.write_image(tmp_path / "x.gif", image)
    with pytest.raises(InputError, match="too long for the JPEG"):
        img.write_image(tmp_path / "x.jpg", image, text={"parameters": "x" * 40_000})
    assert list(tmp_path.iterdir()) == []


def test_a_decompression_bomb_in_png_text_is_refused(tmp_path):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "x" * 20_000_000, zip=True)
    with pytest.raises(InputError, match="damaged, truncated or of an unsupported variant"):
        img.read_image_text(saved(tmp_path / "x.png", pnginfo=chunks))

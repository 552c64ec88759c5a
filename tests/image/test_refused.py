"""Files that are no images, too large, truncated or of unsupported shape are refused with one sentence."""

import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from support.pictures import PHOTO, refused, saved

from inst import image as img
from inst.errors import InputError


def huge_png(path: Path, side: int) -> Path:
    """A valid PNG of side × side pixels in a few kB: 1 bit per pixel, all zero."""
    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    chunks = [(b"IHDR", side.to_bytes(4, "big") * 2 + b"\1\0\0\0\0"), (b"IDAT", rows), (b"IEND", b"")]
    body = b"".join(
        len(d).to_bytes(4, "big") + kind + d + zlib.crc32(kind + d).to_bytes(4, "big") for kind, d in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def peak_kilobytes() -> int:
    """Peak resident memory of this process since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_100_megapixel_image_is_refused_without_decoding_it(tmp_path):
    path = huge_png(tmp_path / "bomb.png", 10_000)
    assert path.stat().st_size < 14_000
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak, which earlier tests have raised
    before = peak_kilobytes()
    message = refused(path, r"10000x10000 pixels \(100 megapixels\), and at most 64 megapixels are accepted")
    assert "max_megapixels" in message
    with pytest.raises(InputError, match="megapixels"):
        img.read_image_text(path)
    assert peak_kilobytes() - before < 8_000, "the decoded image alone has 100 MB"


def test_the_limit_is_ours_and_not_pillows(tmp_path, monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    assert img.read_image(saved(tmp_path / "x.png"), max_megapixels=0.02).image.shape == (1, 3, 96, 120)
    refused(tmp_path / "x.png", "at most 0.01 megapixels are accepted", max_megapixels=0.01)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"<!DOCTYPE html><html>", r"a web page, not a picture, despite its name photo\.jpg"),
        (b"hello", "is text"),
        (b"", "is empty"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
            "is text, not a picture: supported formats are PNG, JPEG",
        ),
        (b"\0\0\0\x1cftypheic", "is of an unknown format: supported formats are PNG, JPEG, WebP"),
        (b"\x80\x04N.", "a model file"),
        (b"\x89PNG\r\n\x1a\n", "damaged, truncated"),
        (b"\xff\xd8\xff\xe0", "damaged, truncated"),
        (b"GIF89a\1", "damaged, truncated"),
        (b"II*\0\xff\xff\xff\xff", "damaged, truncated"),
        (b"RIFF\1\0\0\0WEBP", "damaged, truncated"),
        (b"BM\1\0\0\0\0\0\0\0\0", "damaged, truncated"),
    ],
)
def test_files_that_are_no_images_are_named(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    refused(path, words)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, suffix, part):
    path = saved(tmp_path / f"x.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    refused(path, "damaged, truncated")


def test_random_damage_raises_only_input_errors(tmp_path):
    random = np.random.default_rng(0)
    refusals = 0
    for suffix in ("png", "jpg", "webp", "bmp", "tiff", "gif"):
        whole = np.frombuffer(saved(tmp_path / f"x.{suffix}").read_bytes(), np.uint8)
        for _ in range(25):
            damaged = whole.copy()
            damaged[random.integers(4, min(len(whole), 400), 4)] = random.integers(0, 256, 4)
            (tmp_path / "y").write_bytes(damaged.tobytes())
            try:
                img.read_image(tmp_path / "y")
            except InputError as error:
                assert "\n" not in str(error)
                refusals += 1
    assert refusals > 50


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (63, 64), (1, 4000), (64, 513), (4000, 400)])
def test_unsupported_sizes_are_refused(tmp_path, size):
    refused(saved(tmp_path / "x.png", PHOTO.resize(size)), f"has {size[0]}x{size[1]} pixels, .* at least 64 .* 8:1")


def test_sizes_at_the_limits_are_read_and_limits_are_arguments(tmp_path):
    assert img.read_image(saved(tmp_path / "x.png", PHOTO.resize((64, 512)))).image.shape == (1, 3, 512, 64)
    tiny = img.read_image(saved(tmp_path / "y.png", PHOTO.resize((1, 7))), min_side=1)
    assert tiny.image.shape == (1, 3, 7, 1)


def test_a_float_rgb_tiff_is_refused_with_one_sentence(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "x.tiff", np.zeros((64, 64, 3), np.float32), photometric="rgb")
    refused(tmp_path / "x.tiff", "of an unsupported variant")


def test_missing_files_and_folders_are_refused(tmp_path):
    refused(tmp_path / "gone.png", "there is no file")
    refused(tmp_path, "is a folder")

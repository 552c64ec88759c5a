"""Reading images: formats, EXIF orientation, animations, reduced reading, memory use, and folders."""

import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import torch
from support.pictures import PHOTO, pixels, saved

from inst import image as img
from inst.errors import InputError


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "jpg", "gif"])
def test_every_supported_format_is_read(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {"quality": 95} if suffix == "jpg" else {}
    picture = img.read_image(saved(tmp_path / f"x.{suffix}", **options))
    assert picture.image.shape == (1, 3, 96, 120) and picture.image.dtype == torch.float32
    assert picture.notes == () and picture.size == (96, 120) and len(picture.sha256) == 64
    error = np.abs(pixels(picture.image) - np.asarray(PHOTO)).mean()
    assert error < {"jpg": 4, "gif": 12}.get(suffix, 1e-4)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    """An image stored in each EXIF orientation is read upright."""
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:32, :48], upright[:32, 48:], upright[32:, :48] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    inverse = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    stored = PIL.Image.fromarray(np.ascontiguousarray(inverse[orientation](upright)))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"x.{suffix}", stored, exif=exif, **({"quality": 95} if suffix in ("jpg", "webp") else {}))
    picture = img.read_image(path)
    assert picture.size == (64, 96)
    assert np.abs(pixels(picture.image) - upright).mean() < 6


def test_invalid_exif_is_ignored(tmp_path):
    path = saved(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert img.read_image(path).image.shape == (1, 3, 96, 120)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_the_first_frame_of_an_animation_is_read_with_a_note(tmp_path, suffix):
    frames = [PIL.Image.new("RGB", (64, 64), c) for c in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    options = {"lossless": True} if suffix == "webp" else {}
    picture = img.read_image(
        saved(tmp_path / f"x.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    )
    assert "the first of 3" in picture.notes[0]
    assert np.abs(pixels(picture.image) - (250, 0, 0)).max() < 2


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_large_image_is_read_reduced_but_not_below_the_target(tmp_path, suffix):
    big = PHOTO.resize((1200, 960))
    picture = img.read_image(saved(tmp_path / f"x.{suffix}", big), target=100)
    assert 200 <= min(picture.image.shape[-2:]) < 480
    assert picture.size == (960, 1200)
    assert img.read_image(saved(tmp_path / f"x.{suffix}", big), target=700).image.shape[-2:] == (960, 1200)


MEASURED = """
import sys
from pathlib import Path
from inst.image import read_image

def peak_kilobytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

Path("/proc/self/clear_refs").write_text("5")
before = peak_kilobytes()
print(read_image(Path(sys.argv[1])).image.numel(), peak_kilobytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "P"])
def test_peak_memory_of_a_large_image(tmp_path, mode):
    """12 bytes per pixel for the floats and 3 to 8 while decoding, measured in a new process."""
    path = saved(tmp_path / "x.tiff", PIL.Image.new(mode, (4000, 4000)), compression="packbits")
    output = subprocess.run([sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True).stdout
    numel, used = map(int, output.split())
    assert numel == 3 * 4000 * 4000
    assert 12 * 16e6 / 1024 < used < 22 * 16e6 / 1024


def test_images_of_a_folder_are_sorted_by_name(tmp_path):
    for name in ("b.png", "A.jpg", ".hidden.png"):
        saved(tmp_path / name)
    saved(tmp_path / "c", format="PNG")
    (tmp_path / "page.jpg").write_text("<html>")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub.png").mkdir()
    assert [p.name for p in img.list_images(tmp_path)] == ["A.jpg", "b.png", "c", "page.jpg"]
    with pytest.raises(InputError, match="contains no picture"):
        img.list_images(tmp_path / "sub.png")
    with pytest.raises(InputError, match="there is no folder"):
        img.list_images(tmp_path / "gone")

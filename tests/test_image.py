import json
import multiprocessing
import resource
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from PIL import ImageCms, PngImagePlugin
from skimage import data

from inst import image as img
from inst.errors import InputError

PHOTO = PIL.Image.fromarray(data.astronaut()).resize((120, 96))


def saved(path: Path, picture: PIL.Image.Image = PHOTO, **options) -> Path:
    picture.save(path, **options)
    return path


def pixels(image) -> np.ndarray:
    """(h, w, 3) in 0…255."""
    return ((image[0].permute(1, 2, 0) + 1) * 127.5).numpy()


def refused(path: Path, words: str, **options) -> str:
    with pytest.raises(InputError, match=words) as caught:
        img.read_image(path, **options)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


# What is read


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "jpg", "gif"])
def test_every_accepted_format(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {"quality": 95} if suffix == "jpg" else {}
    picture = img.read_image(saved(tmp_path / f"x.{suffix}", **options))
    assert picture.image.shape == (1, 3, 96, 120) and picture.image.dtype == torch.float32
    assert picture.notes == () and picture.size == (96, 120) and len(picture.sha256) == 64
    error = np.abs(pixels(picture.image) - np.asarray(PHOTO)).mean()
    assert error < {"jpg": 4, "gif": 12}.get(suffix, 1e-4)


def test_pillow_pictures_and_tensors_are_inverse():
    image = img.from_pil(PHOTO)
    assert image.min() >= -1 and image.max() <= 1
    assert np.array_equal(np.asarray(img.to_pil(image)), np.asarray(PHOTO))
    assert np.asarray(img.to_pil(torch.full((1, 3, 2, 2), 7.0))).max() == 255


def test_a_tall_picture_is_turned_to_floats_strip_by_strip():
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
def test_wide_greys_are_scaled_by_their_range_not_whitened(tmp_path, name, values):
    picture = img.read_image(saved(tmp_path / name, PIL.Image.fromarray(values)))
    assert np.abs(pixels(picture.image) - RAMP[..., None] * 255).max() <= 0.51
    assert picture.notes == ()


def test_floats_beyond_any_range_are_stretched_with_a_word(tmp_path):
    values = (RAMP * 3 - 1).astype(np.float32)
    picture = img.read_image(saved(tmp_path / "x.tiff", PIL.Image.fromarray(values)))
    assert np.abs(pixels(picture.image) - RAMP[..., None] * 255).max() <= 0.51
    assert "-1 … 2 were stretched" in picture.notes[0]
    values[3, 3] = np.nan
    refused(saved(tmp_path / "x.tiff", PIL.Image.fromarray(values)), "NaN or Inf")


def half_clear(mode: str) -> PIL.Image.Image:
    rgba = PIL.Image.new("RGBA", (80, 64), (200, 0, 0, 255))
    rgba.paste((0, 0, 250, 0), (0, 0, 40, 64))  # colour hidden under full transparency
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
def test_transparency_shows_the_matte_never_the_hidden_colour(tmp_path, mode, name, matte):
    options = {"lossless": True} if name.endswith("webp") else {"transparency": 0} if mode == "P" else {}
    result = pixels(img.read_image(saved(tmp_path / name, half_clear(mode), **options), matte=matte).image)
    assert np.abs(result[:, :40] - matte).max() < 1
    red = (200, 0, 0) if mode != "LA" else (60, 60, 60)
    assert np.abs(result[:, 40:] - red).max() < 1


def test_half_transparency_is_mixed(tmp_path):
    path = saved(tmp_path / "x.png", PIL.Image.new("RGBA", (64, 64), (0, 0, 0, 128)))
    assert abs(pixels(img.read_image(path).image).mean() - 127) <= 1


def test_a_colour_key_in_a_png_without_alpha(tmp_path):
    picture = PIL.Image.new("RGB", (64, 64), (1, 2, 3))
    path = saved(tmp_path / "x.png", picture, transparency=(1, 2, 3))
    assert pixels(img.read_image(path).image).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_pictures_are_turned_upright(tmp_path, orientation, suffix):
    """The corner colours, stored as the camera holds it, come out as ``exif_transpose`` is defined to."""
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


def test_broken_exif_does_not_cost_the_picture(tmp_path):
    path = saved(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert img.read_image(path).image.shape == (1, 3, 96, 120)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_the_first_frame_with_a_word(tmp_path, suffix):
    frames = [PIL.Image.new("RGB", (64, 64), c) for c in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    options = {"lossless": True} if suffix == "webp" else {}
    picture = img.read_image(
        saved(tmp_path / f"x.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    )
    assert "the first of 3" in picture.notes[0]
    assert np.abs(pixels(picture.image) - (250, 0, 0)).max() < 2


def cmyk_profile() -> bytes | None:
    for folder in (Path("/usr/share/color/icc"), Path("/System/Library/ColorSync/Profiles")):
        for path in sorted(folder.rglob("*.ic[cm]")) if folder.is_dir() else ():
            profile = ImageCms.ImageCmsProfile(str(path)).profile
            if profile.xcolor_space.strip() == "CMYK":
                return path.read_bytes()
    return None


def test_cmyk(tmp_path):
    cmyk = PIL.Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    for name in ("x.jpg", "x.tiff"):
        result = pixels(img.read_image(saved(tmp_path / name, cmyk)).image)
        assert np.abs(result - (255, 0, 0)).max() < 8


def test_cmyk_by_its_profile(tmp_path):
    profile = cmyk_profile()
    if profile is None:
        pytest.skip("no CMYK profile on this machine")
    cmyk = PIL.Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    picture = img.read_image(saved(tmp_path / "x.jpg", cmyk, icc_profile=profile, quality=95))
    assert picture.notes == ()
    red, green, blue = pixels(picture.image).mean((0, 1))
    assert 200 < red < 255 and 10 < green < 90 and 10 < blue < 90  # the ink's red, not the monitor's


def test_a_colour_profile_is_followed(tmp_path):
    """In a profile whose red and blue primaries are swapped, red is blue."""
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    path = saved(tmp_path / "x.png", PIL.Image.new("RGB", (64, 64), (250, 20, 20)), icc_profile=bytes(swapped))
    picture = img.read_image(path)
    assert np.abs(pixels(picture.image) - (20, 20, 250)).max() < 4
    path = saved(tmp_path / "y.png", PIL.Image.new("RGBA", (64, 64), (250, 20, 20, 255)), icc_profile=bytes(swapped))
    assert np.abs(pixels(img.read_image(path).image) - (20, 20, 250)).max() < 4


def test_a_profile_that_does_not_fit_is_left_out_with_a_word(tmp_path):
    path = saved(tmp_path / "x.png", icc_profile=b"no profile at all")
    picture = img.read_image(path)
    assert np.abs(pixels(picture.image) - np.asarray(PHOTO)).max() < 1e-3
    assert "profile" in picture.notes[0]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_target_reads_a_large_picture_reduced_but_never_below_it(tmp_path, suffix):
    big = PHOTO.resize((1200, 960))
    picture = img.read_image(saved(tmp_path / f"x.{suffix}", big), target=100)
    assert 200 <= min(picture.image.shape[-2:]) < 480
    assert picture.size == (960, 1200)
    assert img.read_image(saved(tmp_path / f"x.{suffix}", big), target=700).image.shape[-2:] == (960, 1200)


# What is refused


def huge_png(path: Path, side: int) -> Path:
    """A valid PNG of side² pixels in a few kB: 1 bit a pixel, all zero."""
    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    chunks = [(b"IHDR", side.to_bytes(4, "big") * 2 + b"\1\0\0\0\0"), (b"IDAT", rows), (b"IEND", b"")]
    body = b"".join(
        len(d).to_bytes(4, "big") + kind + d + zlib.crc32(kind + d).to_bytes(4, "big") for kind, d in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_a_small_file_of_100_megapixels_is_refused_by_its_header(tmp_path):
    path = huge_png(tmp_path / "bomb.png", 10_000)
    assert path.stat().st_size < 14_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refused(path, r"10000x10000 pixels \(100 megapixels\); up to 64 are read")
    assert "max_megapixels" in message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000  # kB
    with pytest.raises(InputError, match="megapixels"):
        img.read_image_text(path)


def test_pillows_own_limit_plays_no_part(tmp_path, monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    assert img.read_image(saved(tmp_path / "x.png"), max_megapixels=0.02).image.shape == (1, 3, 96, 120)
    refused(tmp_path / "x.png", "up to 0.01 are read", max_megapixels=0.01)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"<!DOCTYPE html><html>", r"is a web page, not a picture, whatever its name \.jpg"),
        (b"hello", "is text"),
        (b"", "is empty"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "is text, not a picture: PNG, JPEG"),
        (b"\0\0\0\x1cftypheic", "not a picture of a kind that is read: PNG, JPEG, WebP"),
        (b"\x80\x04N.", "a model file"),
        (b"\x89PNG\r\n\x1a\n", "damaged, cut short"),
        (b"\xff\xd8\xff\xe0", "damaged, cut short"),
        (b"GIF89a\1", "damaged, cut short"),
        (b"II*\0\xff\xff\xff\xff", "damaged, cut short"),
        (b"RIFF\1\0\0\0WEBP", "damaged, cut short"),
        (b"BM\1\0\0\0\0\0\0\0\0", "damaged, cut short"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    refused(path, words)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, suffix, part):
    path = saved(tmp_path / f"x.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    refused(path, "damaged, cut short")


def test_damage_never_escapes_as_another_error(tmp_path):
    random = np.random.default_rng(0)
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


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (63, 64), (1, 4000), (64, 513), (4000, 400)])
def test_shapes_that_are_refused(tmp_path, size):
    refused(saved(tmp_path / "x.png", PHOTO.resize(size)), f"is {size[0]}x{size[1]} pixels; .* at least 64 .* 8:1")


def test_shapes_at_the_limit_are_read_and_limits_are_arguments(tmp_path):
    assert img.read_image(saved(tmp_path / "x.png", PHOTO.resize((64, 512)))).image.shape == (1, 3, 512, 64)
    tiny = img.read_image(saved(tmp_path / "y.png", PHOTO.resize((1, 7))), min_side=1)
    assert tiny.image.shape == (1, 3, 7, 1)


def test_a_float_rgb_tiff_is_one_sentence(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "x.tiff", np.zeros((64, 64, 3), np.float32), photometric="rgb")
    refused(tmp_path / "x.tiff", "unusual picture")


def test_missing_and_folders(tmp_path):
    refused(tmp_path / "gone.png", "there is no file")
    refused(tmp_path, "is a folder")


def peak_kilobytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "P"])
def test_a_large_picture_needs_its_floats_and_little_else(tmp_path, mode):
    """12 bytes a pixel for the floats, 3 to 8 while decoding.

    In a fresh process 64 megapixels of CMYK take 1012 MiB. Here the allocator may keep what the decoder gave back.
    """
    path = saved(tmp_path / "x.tiff", PIL.Image.new(mode, (4000, 4000)), compression="packbits")
    receiver, sender = multiprocessing.Pipe(False)

    def measure():
        Path("/proc/self/clear_refs").write_text("5")
        before = peak_kilobytes()
        numel = img.read_image(path).image.numel()
        sender.send((numel, peak_kilobytes() - before))

    child = multiprocessing.get_context("fork").Process(target=measure)
    child.start()
    numel, used = receiver.recv() if receiver.poll(60) else (0, 0)
    child.join()
    assert numel == 3 * 4000 * 4000
    assert 12 * 16e6 / 1024 < used < 22 * 16e6 / 1024


# Folders


def test_pictures_of_a_folder_by_name(tmp_path):
    for name in ("b.png", "A.jpg", ".hidden.png"):
        saved(tmp_path / name)
    saved(tmp_path / "c", format="PNG")
    (tmp_path / "page.jpg").write_text("<html>")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub.png").mkdir()
    assert [p.name for p in img.list_images(tmp_path)] == ["A.jpg", "b.png", "c", "page.jpg"]
    with pytest.raises(InputError, match="holds no picture"):
        img.list_images(tmp_path / "sub.png")
    with pytest.raises(InputError, match="there is no folder"):
        img.list_images(tmp_path / "gone")


# Sizes


def test_resizing_agrees_with_pillows():
    image = img.from_pil(PHOTO)
    expected = np.asarray(PHOTO.resize((50, 40), PIL.Image.Resampling.BICUBIC))
    assert np.abs(pixels(img.resize(image, 40, 50)) - expected).mean() < 0.6
    assert img.resize(image, 96, 120) is image
    assert img.resize(image, 300, 200).abs().max() <= 1


@pytest.mark.parametrize("size", [(65, 70), (96, 120), (512, 64), (64, 64), (1, 1), (200, 333)])
@pytest.mark.parametrize("short_side", [64, 100])
def test_fitting_pads_to_the_factor_and_comes_back_to_the_size(size, short_side):
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    image = torch.stack([y, x, -y])[None]
    fitted, steps = img.fit(image, short_side, 16)
    height, width = fitted.shape[-2:]
    assert height % 16 == width % 16 == 0
    assert min(height, width) - 16 < short_side <= min(height, width)
    assert abs(steps.inner_height / steps.inner_width - size[0] / size[1]) < 0.02 * size[0] / size[1]
    back = img.restore(fitted, steps)
    assert back.shape == image.shape
    assert (back - image).abs().mean() < 0.02


def test_fitting_what_fits_changes_nothing():
    image = img.from_pil(PHOTO)
    fitted, steps = img.fit(image, 96, 8)
    assert torch.equal(fitted, image) and torch.equal(img.restore(fitted, steps), image)
    with pytest.raises(ValueError, match="fitted to"):
        img.restore(torch.zeros(1, 3, 8, 8), steps)


def test_padding_mirrors_the_border():
    image = img.from_pil(PHOTO)[..., :65, :64]
    fitted, steps = img.fit(image, 64, 16)
    assert fitted.shape[-2:] == (80, 64) and steps.top == 7
    assert torch.equal(fitted[0, :, 6], image[0, :, 1])


# Writing and the text inside


TEXTS = {
    "parameters": "a lighthouse, [C] Grüße 你好 🎨\nNegative prompt: x\nSteps: 5, Sampler: DDIM, Seed: 1",
    "inst": json.dumps({"seed": 1, "prompt": "ü"}),
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp"])
@pytest.mark.parametrize("text", [TEXTS, {"parameters": "plain"}, {"inst": "{}"}, {}, None])
def test_what_was_written_is_read(tmp_path, suffix, text):
    path = tmp_path / f"x.{suffix}"
    image = img.from_pil(PHOTO)
    img.write_image(path, image, text=text)
    assert img.read_image_text(path) == (text or {})
    error = np.abs(pixels(img.read_image(path).image) - np.asarray(PHOTO)).mean()
    assert error < (1e-4 if suffix == "png" else 4)


def test_other_tools_find_the_text_where_they_look(tmp_path):
    image = img.from_pil(PHOTO)
    for name in ("x.png", "x.jpg", "x.webp"):
        img.write_image(tmp_path / name, image, text=TEXTS)
    assert PIL.Image.open(tmp_path / "x.png").text["parameters"] == TEXTS["parameters"]
    for name in ("x.jpg", "x.webp"):
        comment = PIL.Image.open(tmp_path / name).getexif().get_ifd(0x8769)[0x9286]
        assert comment == b"UNICODE\0" + TEXTS["parameters"].encode("utf-16-be")
    assert str(tmp_path).encode() not in b"".join((tmp_path / name).read_bytes() for name in ("x.png", "x.jpg"))


def test_comments_of_other_writers(tmp_path):
    for raw in (b"UNICODE\0" + "Steps: 3".encode("utf-16-le"), b"ASCII\0\0\0Steps: 3", b"\0" * 8 + b"Steps: 3"):
        exif = PIL.Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = raw
        exif[0x010E] = "a holiday"
        assert img.read_image_text(saved(tmp_path / "x.jpg", exif=exif)) == {"parameters": "Steps: 3"}


def test_files_that_cannot_be_written(tmp_path):
    image = img.from_pil(PHOTO)
    with pytest.raises(InputError, match=r"written as \.png, \.jpg or \.webp"):
        img.write_image(tmp_path / "x.gif", image)
    with pytest.raises(InputError, match="too long for the JPEG"):
        img.write_image(tmp_path / "x.jpg", image, text={"parameters": "x" * 40_000})
    assert list(tmp_path.iterdir()) == []


def test_a_text_bomb_in_a_png_is_refused(tmp_path):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "x" * 20_000_000, zip=True)
    with pytest.raises(InputError, match="damaged, cut short or unusual"):
        img.read_image_text(saved(tmp_path / "x.png", pnginfo=chunks))


# Rows and grids


def test_pictures_beside_each_other():
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

"""Quality of the trained miniature: closer to the painting than plain img2img, with the content of the photo."""

from pathlib import Path

import pytest
import torch

import inst
from inst.image import from_pil, read_image, resize
from inst.image.demo import demo_photo
from inst.metrics.content import edge_distance
from inst.metrics.style import color_distance, stroke_distance

PAINTINGS = Path(__file__).parent.parent / "style_images"
SIDE = 128
"""Half the default size, to save time; paintings are scaled alike."""


@pytest.fixture(scope="module")
def session():
    torch.set_num_threads(1)
    return inst.load_model(dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def photo():
    return from_pil(demo_photo(SIDE))


def make(session, photo, style, **changes):
    *_, last = inst.stylize_steps(photo, style, model=session, num_steps=15, resolution=SIDE, **changes)
    return last.tensor


@pytest.fixture(scope="module")
def pairs(session, photo):
    """For each bundled style: the painting, the stylized photo, and plain img2img with the same strength and seed."""
    plain = make(session, photo, None, inversion=False)
    rows = []
    for name in inst.list_styles():
        painting = read_image(PAINTINGS / f"{name}.jpg").image
        rows.append((resize(painting, SIDE, SIDE), make(session, photo, name), plain))
    assert len(rows) >= 3
    return rows


def test_most_styles_are_closer_in_colour_than_plain_img2img(pairs):
    closer = [color_distance(result, painting) < color_distance(plain, painting) for painting, result, plain in pairs]
    assert sum(closer) >= 0.75 * len(closer)


def test_strokes_are_closer_than_with_plain_img2img_on_average(pairs):
    gains = [stroke_distance(plain, painting) - stroke_distance(result, painting) for painting, result, plain in pairs]
    assert sum(gains) > 0


def test_the_content_of_the_photo_is_preserved(pairs, photo):
    """The edges of the result are closer to those of the photo than to those of another photo."""
    from PIL import Image as PilImage
    from skimage import data

    other = from_pil(PilImage.fromarray(data.coffee()).resize((photo.shape[3], photo.shape[2])))
    kept = [edge_distance(result, photo) < edge_distance(result, other) for _, result, _ in pairs]
    assert sum(kept) >= 0.75 * len(kept)


def test_a_higher_strength_preserves_less_of_the_photo(session, photo):
    style = inst.list_styles()[0]
    distances = [edge_distance(make(session, photo, style, strength=s), photo) for s in (0.2, 0.5, 0.9)]
    assert distances == sorted(distances)

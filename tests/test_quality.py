"""What the project promises, on the trained miniature: nearer to the painting than plain img2img, still the photo."""

from pathlib import Path

import pytest
import torch

import inst
from inst.commands.common.inputs import demo_photo
from inst.image import from_pil, read_image, resize
from inst.metrics.content import edge_distance
from inst.metrics.style import color_distance, stroke_distance

PAINTINGS = Path(__file__).parent.parent / "style_images"
SIDE = 128
"""Half the product's size, for time; paintings are scaled alike."""


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
    """For each bundled style: the painting, the photo under it, and plain img2img at the same strength and seed."""
    plain = make(session, photo, None, inversion=False)
    rows = []
    for name in inst.list_styles():
        painting = read_image(PAINTINGS / f"{name}.jpg").image
        rows.append((resize(painting, SIDE, SIDE), make(session, photo, name), plain))
    return rows


def test_most_are_closer_in_colour_than_plain_img2img(pairs):
    closer = [color_distance(result, painting) < color_distance(plain, painting) for painting, result, plain in pairs]
    assert sum(closer) >= 0.75 * len(closer)


def test_strokes_do_not_move_away_on_the_whole(pairs):
    gains = [stroke_distance(plain, painting) - stroke_distance(result, painting) for painting, result, plain in pairs]
    assert sum(gains) > 0


def test_the_photo_is_still_there(pairs, photo):
    """Its edges are nearer to the result's than another photo's are."""
    from PIL import Image as PilImage
    from skimage import data

    other = from_pil(PilImage.fromarray(data.coffee()).resize((photo.shape[3], photo.shape[2])))
    kept = [edge_distance(result, photo) < edge_distance(result, other) for _, result, _ in pairs]
    assert sum(kept) >= 0.75 * len(kept)


def test_more_strength_is_less_photo(session, photo):
    style = inst.list_styles()[0]
    distances = [edge_distance(make(session, photo, style, strength=s), photo) for s in (0.2, 0.5, 0.9)]
    assert distances == sorted(distances)

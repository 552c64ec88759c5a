"""What the project promises, on the trained miniature: nearer to the painting than plain img2img, still the photo."""

from pathlib import Path

import pytest
import torch

from inst.assets import mini_folder
from inst.commands.common.inputs import demo_photo
from inst.commands.diffusion.options import ModelOptions, StylizeRun
from inst.commands.diffusion.stylize import photo_settings
from inst.commands.diffusion.used_styles import UsedStyle
from inst.image import from_pil, read_image, resize
from inst.inversion.token import load_token
from inst.metrics.content import edge_distance
from inst.metrics.style import color_distance, stroke_distance
from inst.pipelines.compose import compose
from inst.pipelines.session import Session
from inst.stylize.photo import stylize
from inst.stylize.prompts import PLACEHOLDER

PAINTINGS = Path(__file__).parent.parent / "style_images"
SIDE = 128
"""Half the product's size, for time; paintings are scaled alike."""


@pytest.fixture(scope="module")
def session():
    torch.set_num_threads(1)
    return Session(ModelOptions(dtype="float32", device="cpu"))


@pytest.fixture(scope="module")
def photo():
    return from_pil(demo_photo(SIDE))


def make(session, photo, style, **changes):
    run = StylizeRun(num_steps=15, resolution=SIDE, **changes)
    used = [] if style is None else [UsedStyle(load_token(style), PLACEHOLDER, 1.0)]
    *_, result = stylize(session.model, photo, compose(session, used, run), photo_settings(session, run))
    return result


@pytest.fixture(scope="module")
def pairs(session, photo):
    """For each bundled style: the painting, the photo under it, and plain img2img at the same strength and seed."""
    plain = make(session, photo, None, prompt=session.model.defaults.plain_prompt, inversion=False)
    rows = []
    for path in sorted((mini_folder() / "styles").glob("*.safetensors")):
        painting = read_image(PAINTINGS / f"{path.stem}.jpg").image
        rows.append((resize(painting, SIDE, SIDE), make(session, photo, path), plain))
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
    style = sorted((mini_folder() / "styles").glob("*.safetensors"))[0]
    distances = [edge_distance(make(session, photo, style, strength=s), photo) for s in (0.2, 0.5, 0.9)]
    assert distances == sorted(distances)

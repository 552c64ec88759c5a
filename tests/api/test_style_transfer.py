"""Style transfer from Python: every form of input, the same pixels as the command line, and errors with a sentence."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from skimage import data

import inst
from inst.cli import main
from inst.image import as_picture, from_pil
from inst.metrics import color_distance

SMALL = {"num_steps": 4, "resolution": 64}
PAINTINGS = Path(__file__).parents[2] / "style_images"


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return inst.load_model("mini", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def photo():
    return PilImage.fromarray(data.chelsea()).resize((120, 80))


def pixels(picture):
    return np.asarray(picture, dtype=int)


def test_a_picture_in_any_form_gives_the_same_picture(model, photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    forms = [tmp_path / "photo.png", str(tmp_path / "photo.png"), photo, np.asarray(photo), from_pil(photo)]
    results = [inst.stylize(form, "night", model=model, **SMALL) for form in forms]
    assert results[0].size == photo.size
    assert all(np.array_equal(pixels(results[0]), pixels(result)) for result in results[1:])


def test_it_is_what_the_command_makes(model, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo.save("photo.png")
    words = ["stylize", "photo.png", "--style", "night:0.7", "--style", "wave:0.3", "--seed", "5", "--strength", "0.6"]
    assert main([*words, "--steps", "4", "--resolution", "64", "--device", "cpu", "--dtype", "float32"]) == 0
    (made,) = Path("outputs").glob("*.png")
    styles = [("night", 0.7), (inst.load_style("wave"), 0.3)]
    ours = inst.stylize("photo.png", styles, model=model, seed=5, strength=0.6, **SMALL)
    assert np.array_equal(pixels(PilImage.open(made)), pixels(ours))


def test_a_list_gives_a_list_and_each_its_own_seed(model, photo):
    tall = photo.resize((80, 120))
    three = inst.stylize([photo, photo, tall], "night", model=model, seed=3, **SMALL)
    assert [picture.size for picture in three] == [photo.size, photo.size, tall.size]
    assert np.array_equal(pixels(three[1]), pixels(inst.stylize(photo, "night", model=model, seed=4, **SMALL)))
    pair = inst.stylize([photo, photo], "night", model=model, seed=3, batch_size=2, **SMALL)
    assert abs(pixels(pair[1]) - pixels(three[1])).mean() < 1


def test_steps_have_previews_that_come_to_the_result(model, photo):
    steps = list(inst.stylize_steps(photo, "night", model=model, strength=1.0, **SMALL))
    assert [step.step for step in steps] == [1, 2, 3, 4, 5] and {step.total for step in steps} == {5}
    assert all(step.images is None for step in steps[:-1])
    previews = [step.preview() for step in steps]
    assert {preview.size for preview in previews} == {photo.size}
    far = [abs(pixels(preview) - pixels(steps[-1].images[0])).mean() for preview in previews]
    assert far[-1] == 0 and far[-2] < far[0]


def test_the_style_moves_the_photo_to_its_painting(model, photo):
    painting = from_pil(PilImage.open(PAINTINGS / "wave.jpg"))
    styled, plain = (
        from_pil(inst.stylize(photo, style, model=model, num_steps=8, resolution=128)) for style in ("wave", None)
    )
    assert color_distance(styled, painting) < 0.7 * color_distance(plain, painting)


def test_the_same_style_twice_is_that_style(model, photo):
    """Weights of several are divided by their sum where it is above 1, in the prompt and in transport alike."""
    one = inst.stylize(photo, "night", model=model, **SMALL)
    for styles in (["night", "night"], [("night", 1.0), ("night", 0.4)], [("night", 0.7), ("night", 0.3)]):
        assert abs(pixels(inst.stylize(photo, styles, model=model, **SMALL)) - pixels(one)).max() <= 2
    mixed = inst.stylize(photo, ["night", "wave"], model=model, **SMALL)
    halves = inst.stylize(photo, [("night", 0.5), ("wave", 0.5)], model=model, **SMALL)
    assert np.array_equal(pixels(mixed), pixels(halves))
    weak = inst.stylize(photo, [("night", 0.2), ("night", 0.2)], model=model, **SMALL)
    assert abs(pixels(weak) - pixels(inst.stylize(photo, ("night", 0.4), model=model, **SMALL))).max() <= 2


def test_named_styles_stand_side_by_side(model):
    prompt = "a [sea] under a [sky]"
    small = {"num_steps": 2, "height": 64, "width": 64}
    ((both),) = inst.generate(prompt, {"sea": "wave", "sky": "night"}, model=model, **small)
    ((swapped),) = inst.generate(prompt, {"sea": "night", "sky": "wave"}, model=model, **small)
    assert not np.array_equal(pixels(both), pixels(swapped))


def test_pictures_from_text_have_consecutive_seeds(model):
    small = {"num_steps": 2, "height": 64, "width": 96}
    three = inst.generate("a house, [C]", "night", model=model, num_images=3, batch_size=2, seed=1, **small)
    (second,) = inst.generate("a house, [C]", "night", model=model, seed=2, **small)
    assert [picture.size for picture in three] == [(96, 64)] * 3
    assert abs(pixels(three[1]) - pixels(second)).mean() < 1
    assert not np.array_equal(pixels(three[0]), pixels(three[1]))


def test_a_style_is_saved_loaded_and_exported(tmp_path):
    style = inst.load_style("night")
    again = inst.load_style(style.save(tmp_path / "mine.safetensors"))
    assert torch.equal(again.vectors, style.vectors) and again.metadata == style.metadata
    for form in ("shared", "diffusers"):
        exported = inst.load_style(style.export(tmp_path / f"{form}.safetensors", form=form))
        assert torch.equal(exported.vectors, style.vectors)


def test_a_style_without_patches_is_told_and_its_painting_mends_it(model, photo):
    bare = replace(inst.load_style("night"), patches=None)
    with pytest.warns(inst.InstWarning, match="does not record"):
        without = inst.stylize(photo, bare, model=model, **SMALL)
    with pytest.raises(inst.ConfigError, match="does not record"):
        inst.stylize(photo, bare, model=model, transport=1.0, **SMALL)
    painting = as_picture(PAINTINGS / "night.jpg")
    with warnings.catch_warnings():
        warnings.simplefilter("error", inst.InstWarning)
        given = inst.stylize(photo, inst.WeightedStyle(bare, painting=painting), model=model, **SMALL)
    night = painting.image
    assert color_distance(from_pil(given), night) < 0.7 * color_distance(from_pil(without), night)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda photo: inst.stylize("none.jpg", "night"), inst.InputError, "none.jpg"),
        (lambda photo: inst.stylize(7, "night"), inst.InputError, "give a path, a PIL image"),
        (lambda photo: inst.stylize(torch.zeros(3, 64, 64), "night"), inst.InputError, r"give floats \(1, 3, h, w\)"),
        (lambda photo: inst.stylize(torch.full((1, 3, 64, 64), 255.0), "night"), inst.InputError, r"in \[-1, 1\]"),
        (lambda photo: inst.stylize(np.zeros((64, 64, 3)), "night"), inst.InputError, "give uint8"),
        (lambda photo: inst.stylize([], "night"), inst.InputError, "is empty"),
        (lambda photo: inst.stylize(photo, "nigth"), inst.InputError, r"did you mean night\?"),
        (lambda photo: inst.stylize(photo, "night", model="mini"), inst.InputError, "what inst.load_model returns"),  # pyright: ignore
        (lambda photo: inst.load_style(3), inst.InputError, "a style file cannot be of type int"),  # pyright: ignore
        (lambda photo: inst.stylize(photo, 3.0), inst.InputError, "a style cannot be of type float"),
        (lambda photo: inst.stylize(photo, ("night", 3.0)), inst.ConfigError, "from 0 to 2"),
        (lambda photo: inst.stylize(photo, {"c": "night"}), inst.ConfigError, r"placeholder \[c\]"),
        (lambda photo: inst.stylize(photo, "night", strenght=0.5), inst.ConfigError, r"did you mean strength\?"),
        (lambda photo: inst.stylize(photo, "night", strength=1.5), inst.ConfigError, "give 0 to 1"),
        (lambda photo: inst.stylize(photo, "night", strength="0.5"), inst.ConfigError, "is not a number"),
        (lambda photo: inst.stylize(photo, "night", keep_colors=1), inst.ConfigError, "neither true nor false"),
        (lambda photo: inst.stylize(photo, "night", steps=4, num_steps=4), inst.ConfigError, "the same option"),
        (lambda photo: inst.generate("", "night"), inst.ConfigError, "no prompt was given"),
        (lambda photo: inst.generate("a house", "night"), inst.TokenError, r"does not contain \[C\]"),
        (lambda photo: inst.generate("a house, [C]"), inst.TokenError, "no style has that name"),
        (lambda photo: inst.load_style(PAINTINGS / "night.jpg"), inst.InputError, "learn its style first"),
        (lambda photo: inst.load_model("sd16"), inst.ModelError, "sd16"),
        (lambda photo: inst.load_model(device="gpu"), inst.ConfigError, "device=gpu"),
        (lambda photo: inst.load_style("night").save("a.txt"), inst.InputError, "ending in .safetensors"),
        (lambda photo: inst.load_style("night").export("a.safetensors", form="x"), inst.ConfigError, "form=x"),
    ],
)  # fmt: skip
def test_wrong_input_raises_the_sentence_of_the_command_line(photo, call, error, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=sentence) as caught:
        call(photo)
    assert isinstance(caught.value, inst.InstError) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_lower_case_letter_in_brackets_is_text(model, photo):
    plain, odd = (
        inst.stylize(photo, "night", model=model, prompt=f"{text} painting, [C]", **SMALL) for text in ("a", "a [c]")
    )
    assert not np.array_equal(pixels(plain), pixels(odd))  # it was read, as text

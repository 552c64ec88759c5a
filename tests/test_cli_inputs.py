"""How the command line understands its words: inputs without a flag, options from several places, scripts, letters."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from skimage import data

import inst
from inst import assets
from inst.cli import main
from inst.cli.main import choose_command, stylize_or_generate
from inst.cli.parser import parse
from inst.image import read_image_text

ROOT = Path(__file__).parent.parent
SMALL = ["--steps", "4", "--resolution", "64", "--dtype", "float32", "--device", "cpu"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    PilImage.fromarray(data.chelsea()).resize((144, 96)).save("photo.png")


def record_of(path):
    return json.loads(read_image_text(Path(path))["inst"])


def test_what_is_typed_wins_over_the_picture_also_where_it_is_the_default():
    made = ["--seed", "5", "--sampler", "unipc", "--strength", "0.3"]
    assert main(["stylize", "photo.png", "--style", "night", *made, "-o", "a.png", *SMALL]) == 0
    again = ["stylize", "photo.png", "--from-image", "a.png", "--dtype", "float32", "--device", "cpu"]
    assert main([*again, "-o", "same.png"]) == 0
    assert np.array_equal(PilImage.open("a.png"), PilImage.open("same.png"))
    assert main([*again, "--seed", "0", "sampler=ddim", "-o", "b.png"]) == 0
    record = record_of("b.png")
    assert (record["seed"], record["settings"]["sampler"], record["strength"]) == (0, "ddim", 0.3)
    Path("run.yaml").write_text("from-image: a.png\nseed: 0\n")
    assert main([*again[:2], "--config", "run.yaml", *again[4:], "-o", "c.png"]) == 0
    assert (record_of("c.png")["seed"], record_of("c.png")["settings"]["sampler"]) == (0, "unipc")


def test_a_picture_is_made_again_beside_an_export_of_its_style():
    """An export has the same vectors, and not what transport needs."""
    inst.load_style("night").save("styles/z.safetensors")
    assert main(["stylize", "photo.png", "--style", "styles/z.safetensors", "-o", "a.png", *SMALL]) == 0
    assert main(["export", "styles/z.safetensors", "-o", "styles/a.safetensors"]) == 0
    again = ["stylize", "photo.png", "--from-image", "a.png", "--dtype", "float32", "--device", "cpu"]
    assert main([*again, "-o", "b.png"]) == 0
    assert np.array_equal(PilImage.open("a.png"), PilImage.open("b.png"))


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["--content", "photo.png"], "stylize"),
        (["photo.png", "--prompt", "a house, [C]"], "stylize"),
        (["--prompt", "a house, [C]", "--num-images", "4"], "generate"),
        (["prompt=a house, [C]"], "generate"),
        (["--config", "text.yaml"], "generate"),
        (["--config", str(ROOT / "configs" / "text_to_image.yaml")], "generate"),
        (["--config", str(ROOT / "configs" / "stylize.yaml")], "stylize"),
        (["--config", "text.yaml", "steps=2"], "generate"),
        (["--config", "text.yaml", "photo.png"], "stylize"),
        (["--from-image", "photo.png"], "stylize"),
        (["--steps", "4"], "stylize"),
        ([], "stylize"),
    ],
)
def test_the_script_chooses_its_command_by_what_is_given_anywhere(words, command):
    Path("text.yaml").write_text("prompt: a house in the style of [C]\n")
    assert choose_command(words) == command


def test_the_script_makes_a_picture_from_a_yaml_file():
    small = ["--steps", "2", "--height", "64", "--width", "64", "--num-images", "1", "--device", "cpu"]
    config = str(ROOT / "configs" / "text_to_image.yaml")
    assert stylize_or_generate(["--config", config, "--style", "night", "-o", "house.png", *small]) == 0
    assert PilImage.open("house.png").size == (64, 64)


@pytest.mark.parametrize(
    ("command", "words", "field", "value"),
    [
        ("stylize", ["a.jpg", "b.jpg"], "content", ("a.jpg", "b.jpg")),
        ("stylize", ["a.jpg", "--content", "b.jpg"], "content", ("b.jpg", "a.jpg")),
        ("train", ["night.jpg"], "style", ("night.jpg",)),
        ("edit", ["a.jpg"], "photos", ("a.jpg",)),
        ("invert", ["a.jpg"], "photos", ("a.jpg",)),
        ("align", ["a.jpg"], "photos", ("a.jpg",)),
        ("generate", ["a house in the style of [C]"], "prompt", "a house in the style of [C]"),
        ("generate", ["x = y, a house, [C]"], "prompt", "x = y, a house, [C]"),
        ("export", ["night"], "style", "night"),
        ("info", ["photo.png"], "file", "photo.png"),
    ],
)
def test_inputs_need_no_flag(command, words, field, value):
    assert parse(command, words)[2][field] == value


@pytest.mark.parametrize("letter", ["-V", "--version"])
def test_the_version(letter, capsys):
    assert main([letter]) == 0
    assert capsys.readouterr().out.startswith("inst ")


def test_options_have_the_same_names_everywhere():
    """The short name of an option is understood as a flag, as a word and in a YAML file."""
    Path("run.yaml").write_text("steps: 3\nguidance: 2\n")
    small = ["photo.png", "--style", "night", "--resolution", "64", "--device", "cpu"]
    assert main(["stylize", *small, "--config", "run.yaml", "-o", "a.png"]) == 0
    assert main(["stylize", *small, "steps=3", "guidance=2", "-o", "b.png"]) == 0
    assert main(["stylize", *small[:3], "steps=3", "guidance=2", *small[3:], "-o", "d.png"]) == 0  # after --style
    assert main(["stylize", *small, "--steps", "3", "--guidance-scale", "2", "-o", "c.png"]) == 0
    assert {record_of(path)["steps"] for path in ("a.png", "b.png", "c.png", "d.png")} == {3}
    assert np.array_equal(PilImage.open("a.png"), PilImage.open("b.png"))
    assert np.array_equal(PilImage.open("a.png"), PilImage.open("c.png"))


def test_what_is_odd_about_a_photo_is_reported_once(capsys):
    frames = [PilImage.new("RGB", (96, 64), color) for color in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    assert main(["stylize", "moving.gif", "--style", "night", "-o", "a.png", *SMALL]) == 0
    assert capsys.readouterr().err.count("warning: moving.gif") == 1


def test_a_style_that_does_not_exist_lists_those_that_do(capsys):
    assert main(["stylize", "photo.png", "--style", "starry"]) == 2
    error = capsys.readouterr().err
    assert "night" in error and "wave" in error


def test_the_demo_has_its_painting_outside_a_checkout():
    """A wheel brings the painting along under the very name that is looked for."""
    assert assets.demo_painting().is_file()
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ((source, target),) = included["force-include"].items()
    assert (ROOT / source).is_file() and ROOT / target == assets.FOLDER / "demo.jpg"

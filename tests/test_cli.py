"""The commands as a user runs them: their outputs, and the one-line error of a mistake."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from inst.cli import main
from inst.cli.commands import COMMANDS
from inst.commands.diffusion import kept_styles
from inst.image import read_image, read_image_text
from inst.image.demo import demo_photo
from inst.inversion.token import load_token, save_token
from inst.metrics.style import color_distance

ROOT = Path(__file__).parent.parent
PAINTING = sorted((ROOT / "style_images").glob("*.jpg"))[0]
QUICK = ["--dtype", "float32", "--device", "cpu"]
SHORT = ["--max-train-steps", "2", "--resolution", "64", "--batch-size", "2", "--no-preview", *QUICK]
SMALL = ["--steps", "4", "--resolution", "64", *QUICK]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    demo_photo(96).save("photo.png")
    return tmp_path


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """A style file, trained for two steps."""
    folder = tmp_path_factory.mktemp("learned")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["train", "--style", str(PAINTING), *SHORT]) == 0
    finally:
        os.chdir(before)
    return folder / "styles" / f"{PAINTING.stem}.safetensors"


def error_line(capsys):
    """The only error on standard error, which is its last line."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.startswith("error: ") for line in lines].count(True) == 1, lines
    assert lines[-1].startswith("error: "), lines
    return lines[-1]


# Commands


def test_training_writes_a_style(learned):
    token = load_token(learned)
    assert token.metadata["model"] == "mini"
    assert token.metadata["step"] == 2
    assert not any(str(value).startswith("/") for value in token.metadata.values())
    assert sorted(path.name for path in learned.parent.iterdir() if path.is_file()) == [learned.name]


def test_a_stylized_photo_records_its_settings(learned):
    assert main(["stylize", "--content", "photo.png", "--style", str(learned), "--output", "out.png", *SMALL]) == 0
    assert read_image(Path("out.png")).image.shape == read_image(Path("photo.png")).image.shape
    text = read_image_text(Path("out.png"))
    assert "Steps: 4, Sampler: DDIM" in text["parameters"]
    metadata = json.loads(text["inst"])
    assert metadata["settings"]["styles"][0]["hash"] == load_token(learned).hash
    assert str(Path.cwd()) not in json.dumps(text)


def test_transport_brings_colours_closer_to_the_painting(learned):
    photo = ["stylize", "--content", "photo.png", "--style", str(learned), *SMALL]
    far = []
    for share in ("0", "0.5", "1"):
        assert main([*photo, "--transport", share, "--output", f"{share}.png"]) == 0
        far.append(color_distance(read_image(Path(f"{share}.png")).image, read_image(PAINTING).image))
        assert json.loads(read_image_text(Path(f"{share}.png"))["inst"])["settings"]["transport"] == float(share)
    assert far[2] < far[1] < far[0]
    assert far[2] < 0.7 * far[0]
    assert main([*photo, "--output", "default.png"]) == 0  # the default of the miniature is 1
    assert np.array_equal(PilImage.open("default.png"), PilImage.open("1.png"))


def test_a_style_without_patches_gives_a_warning_and_uses_a_given_painting(learned, capsys):
    save_token(Path("bare.safetensors"), replace(load_token(learned), patches=None))
    photo = ["stylize", "--content", "photo.png", "--style", "bare.safetensors", *SMALL]
    assert main([*photo, "--transport", "1"]) == 2
    assert "--style-image" in error_line(capsys)
    assert main([*photo, "--output", "without.png"]) == 0
    assert "does not record" in capsys.readouterr().err
    assert main([*photo, "--style-image", str(PAINTING), "--output", "given.png"]) == 0
    assert "does not record" not in capsys.readouterr().err
    pictures = [read_image(Path(f"{name}.png")).image for name in ("given", "without")]
    given, without = (color_distance(picture, read_image(PAINTING).image) for picture in pictures)
    assert given < 0.7 * without


def test_from_image_reproduces_an_image(learned):
    shutil.copytree(learned.parent, "styles")
    assert main(["stylize", "--content", "photo.png", "--seed", "5", "--output", "a.png", *SMALL]) == 0
    again = ["stylize", "--content", "photo.png", "--from-image", "a.png", "--output", "b.png", *QUICK]
    assert main(again) == 0
    assert np.array_equal(PilImage.open("a.png"), PilImage.open("b.png"))


def test_no_metadata_stores_nothing_in_the_image(learned):
    arguments = ["--content", "photo.png", "--style", str(learned), "--output", "out.png", "--no-metadata", *SMALL]
    assert main(["stylize", *arguments]) == 0
    assert read_image_text(Path("out.png")) == {}


def test_the_newest_style_that_fits_is_used(learned, capsys):
    shutil.copytree(learned.parent, "styles")
    assert main(["stylize", "--content", "photo.png", *SMALL]) == 0
    assert learned.stem in capsys.readouterr().out
    assert Path("outputs/photo-stylized.png").is_file()


def test_a_folder_continues_after_a_damaged_photo(learned, capsys):
    Path("photos").mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy("photo.png", f"photos/{name}")
    Path("photos/broken.png").write_bytes(Path("photo.png").read_bytes()[:300])
    code = main(["stylize", "--content", "photos", "--style", str(learned), "--output", "out", *SMALL])
    assert code == 2
    assert "1 of 3 photos could not be used: broken.png" in error_line(capsys)
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.png", "inst.json"]
    record = json.loads(Path("out/inst.json").read_text())
    assert [row["file"] for row in record["pictures"]] == ["a.png", "b.png"]


def test_batches_of_photos_equal_single_photos(learned, capsys):
    Path("photos").mkdir()
    for name, size in (("a.png", (96, 96)), ("b.png", (96, 96)), ("c.png", (64, 96)), ("e.png", (64, 96))):
        PilImage.open("photo.png").resize(size).save(Path("photos", name))
    Path("photos/d.png").write_bytes(b"no picture")
    arguments = ["stylize", "--content", "photos", "--style", str(learned), "--seed", "3", *SMALL]
    assert main([*arguments, "--output", "one"]) == 2
    assert main([*arguments, "--output", "three", "--batch-size", "3"]) == 2
    for position, name in ((0, "a.png"), (1, "b.png"), (2, "c.png"), (4, "e.png")):
        one, three = (np.asarray(PilImage.open(Path(folder, name)), dtype=float) for folder in ("one", "three"))
        assert abs(one - three).mean() < 1
        assert json.loads(read_image_text(Path("three", name))["inst"])["seed"] == 3 + position
    first, second = (np.asarray(PilImage.open(Path("one", name)), dtype=float) for name in ("a.png", "b.png"))
    assert abs(first - second).mean() > 1  # the same photo with different noise


def test_a_painting_given_as_style_is_trained_once(capsys, monkeypatch):
    shutil.copy(PAINTING, "painting.jpg")
    arguments = ["stylize", "--content", "photo.png", "--style", "painting.jpg", *SMALL]
    short = partial(kept_styles.InversionSettings, max_train_steps=2, resolution=64, batch_size=2)
    monkeypatch.setattr(kept_styles, "InversionSettings", short)
    assert main([*arguments, "--strength", "0.3"]) == 0
    assert "learned" in capsys.readouterr().out
    assert main([*arguments, "--strength", "0.5"]) == 0
    assert "learned" not in capsys.readouterr().out
    assert len(list(Path("styles").glob("painting-*.safetensors"))) == 1


def test_several_styles_are_mixed_by_weight(learned):
    shutil.copy(learned, "a.safetensors")
    shutil.copy(learned, "b.safetensors")
    styles = ["--style", "a.safetensors:0.7", "--style", "b.safetensors:0.3"]
    assert main(["stylize", "--content", "photo.png", *styles, "--output", "two.png", *SMALL]) == 0
    assert main(["stylize", "--content", "photo.png", "--style", "a.safetensors", "--output", "one.png", *SMALL]) == 0
    one, two = (np.asarray(PilImage.open(name), dtype=int) for name in ("one.png", "two.png"))
    assert abs(one - two).max() <= 2  # mixing a style with itself gives that style
    half = ["--style", "a.safetensors:0.5", "--transport", "1", "--output", "half.png"]
    weak = ["--style", "a.safetensors:0.5", "--transport", "0", "--output", "weak.png"]
    for wanted in (half, weak):
        assert main(["stylize", "--content", "photo.png", *wanted, *SMALL]) == 0
    far = [
        color_distance(read_image(Path(f"{n}.png")).image, read_image(PAINTING).image) for n in ("one", "half", "weak")
    ]
    assert far[0] < far[1] < far[2]  # a style's weight also applies to its patches


def test_text_to_image(learned):
    shutil.copy(learned, "sea.safetensors")
    small = ["--height", "64", "--width", "96", "--num-images", "2", "--steps", "3", *QUICK]
    prompt = "a house in the style of [C]"
    assert main(["generate", "--prompt", prompt, "--style", "sea.safetensors", "--output", "out", *small]) == 0
    made = sorted(Path("out").iterdir())
    assert [PilImage.open(path).size for path in made] == [(96, 64), (96, 64)]
    assert json.loads(read_image_text(made[1])["inst"])["seed"] == 1
    assert main(["generate", "--prompt", "a [sea]", "--style", "sea=sea.safetensors", *small]) == 0


def test_a_prompt_without_placeholder_needs_no_style():
    small = ["--height", "64", "--width", "96", "--steps", "3", *QUICK]
    assert main(["generate", "--prompt", "a house", "--output", "out", *small]) == 0
    (path,) = Path("out").iterdir()
    assert PilImage.open(path).size == (96, 64)
    metadata = json.loads(read_image_text(path)["inst"])
    assert metadata["prompt"] == "a house" and metadata["settings"]["styles"] == []


def test_config_file_and_key_value_arguments(learned):
    Path("run.yaml").write_text("strength: 0.3\nsteps: 4\n".replace("steps", "num_steps"))
    arguments = ["--config", "run.yaml", "--content", "photo.png", "--style", str(learned), "--output", "out.png"]
    assert main(["stylize", *arguments, "seed=7", "resolution=64", *QUICK]) == 0
    metadata = json.loads(read_image_text(Path("out.png"))["inst"])
    assert (metadata["strength"], metadata["steps"], metadata["seed"]) == (0.3, 4, 7)


def test_export_and_info(learned, capsys):
    from safetensors.torch import load_file

    shutil.copy(learned, "night.safetensors")
    assert main(["export", "--style", "night.safetensors", "--output", "a.safetensors"]) == 0
    assert main(["export", "--style", "night.safetensors", "--form", "diffusers", "--output", "d.safetensors"]) == 0
    vectors = load_token(learned).vectors
    assert torch.equal(load_file("a.safetensors")["emb_params"], vectors)
    (token, value), *rest = load_file("d.safetensors").items()
    assert not rest and "[" not in token and torch.equal(value, vectors)
    capsys.readouterr()
    assert main(["info", "night.safetensors"]) == 0
    output = capsys.readouterr().out
    assert "model: mini" in output
    assert "patches: the painting's" in output
    arguments = ["--content", "photo.png", "--style", "a.safetensors", "--output", "out.png", *SMALL]
    assert main(["stylize", *arguments]) == 0  # a file in another tool's format is accepted as a style


def test_models_lists_the_names(capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "mini" in out and "sd15" in out and "stable-diffusion-v1-5/stable-diffusion-v1-5" in out


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["stylise"], "did you mean stylize?"),
        (["stylize"], "no photo was given"),
        (["stylize", "--content", "none.jpg"], "none.jpg does not exist"),
        (["stylize", "--content", "photo.png", "--strenght", "0.5"], "did you mean --strength?"),
        (["stylize", "--content", "photo.png", "--strength", "1.2"], "give 0 to 1"),
        (["stylize", "--content", "photo.png", "--strength", "nan"], "give 0 to 1"),
        (["stylize", "--content", "photo.png", "--strength", "much"], "invalid float value"),
        (["stylize", "--content", "photo.png", "--steps", "0"], "give 1 to 1000"),
        (["stylize", "--content", "photo.png", "--guidance", "inf"], "guidance-scale=inf"),
        (["stylize", "--content", "photo.png", "sampler=euler"], "expected one of ['ddim', 'dpm++', 'unipc']"),
        (["stylize", "--content", "photo.png", "--style", "none.safetensors"], "there is no file none.safetensors"),
        (["stylize", "--content", "photo.png", "--style", "photo.png:much"], "the weight much is not accepted"),
        (["stylize", "--content", "photo.png", "--model", "sd16"], "sd16"),
        (["stylize", "--content", "photo.png", "--device", "gpu"], "device=gpu is not known"),
        (["stylize", "--content", "photo.png", "--output", "a.bmp"], "ends in .bmp"),
        (["stylize", "--content", "html.jpg"], "html.jpg is a web page"),
        (["stylize", "--content", "empty.png"], "empty.png is empty"),
        (["stylize", "--content", "tiny.png"], "1x1 pixels"),
        (["stylize", "--content", "photo.png", "--output", "photo.png"], "is read by this run"),
        (["stylize", "--content", "photo.png", "--output", "tiny.png"], "is there already"),
        (["stylize", "--config", "none.yaml"], "none.yaml cannot be read"),
        (["generate"], "no prompt was given"),
        (["generate", "--prompt", "a house", "--style", "photo.png"], "does not contain [C]"),
        (["train"], "no painting was given"),
        (["train", "--style", "none.jpg"], "there is no file none.jpg"),
        (["train", "--style", "html.jpg"], "html.jpg is a web page"),
        (["train", "--style", "photo.png", "--output", "a.png"], ".safetensors, or a folder"),
        (["train", "--style", "photo.png", "--learning-rate", "0"], "learning-rate=0.0 is out of range"),
        (["train", "--style", "photo.png", "--report-to", "mlflow"], "none | tensorboard | wandb"),
        (["export", "--style", "none.safetensors"], "there is no file none.safetensors"),
        (["export", "--style", "photo.png"], "photo.png is a picture without an embedding"),
        (["info", "none"], "none does not exist"),
        (["info", "photo.png"], "carries no settings"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(arguments, sentence, capsys):
    Path("html.jpg").write_text("<!doctype html><html>not found</html>")
    Path("empty.png").touch()
    PilImage.new("RGB", (1, 1)).save("tiny.png")
    before = {path: path.stat().st_size for path in Path().rglob("*")}
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error and error.startswith("error: ")
    assert sentence in error
    assert {path: path.stat().st_size for path in Path().rglob("*")} == before  # nothing was written


def test_an_unreachable_hub_is_one_line_within_a_minute(capsys):
    start_time = time.monotonic()
    assert main(["stylize", "--content", "photo.png", "--model", "sd15"]) == 2
    assert "stable-diffusion-v1-5/stable-diffusion-v1-5" in error_line(capsys)
    assert time.monotonic() - start_time < 60


def test_an_existing_style_is_not_overwritten(learned, capsys):
    shutil.copytree(learned.parent, "styles")
    before = (Path("styles") / learned.name).read_bytes()
    assert main(["train", "--style", str(PAINTING), *SHORT]) == 2
    assert "is there already" in error_line(capsys)
    assert (Path("styles") / learned.name).read_bytes() == before


def test_a_style_of_another_width_is_refused(capsys):
    from safetensors.torch import save_file

    save_file({"emb_params": torch.randn(1, 768)}, "wide.safetensors")
    assert main(["stylize", "--content", "photo.png", "--style", "wide.safetensors", *SMALL]) == 2
    assert "vectors of width 768" in error_line(capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_does_not_import_torch(command):
    code = (
        "import sys\nfrom inst.cli import main\n"
        f"try:\n    main([*{command.split()}, '--help'])\n"
        "except SystemExit as exit:\n    assert not exit.code\n"
        "sys.exit(', '.join({'torch', 'diffusers', 'transformers', 'open_clip'} & set(sys.modules)) or 0)"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("usage: ")


# Processes


def start(*arguments, module=()):
    return subprocess.Popen(
        [sys.executable, *module, str(ROOT / "train_inversion.py"), *arguments],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_sigterm_saves_the_style_and_its_training_state():
    arguments = ["--style", str(PAINTING), "--max-train-steps", "100000", "--early-stop", "0", *SHORT[2:]]
    process = start(*arguments, "--checkpointing-steps", "5")
    state = Path("styles/.unfinished") / f"{PAINTING.stem}.state"
    deadline = time.monotonic() + 240
    while not state.is_file() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped" in out
    steps = load_token(Path("styles") / f"{PAINTING.stem}.safetensors").metadata["step"]
    assert steps >= 5
    more = ["--max-train-steps", "100000", *SHORT[2:]]
    assert main(["train", "--style", str(PAINTING), *more, "--early-stop", "0", "--seed", "9", "--resume"]) == 2


def test_input_is_checked_under_the_accelerate_launcher():
    process = start("--style", "none.jpg", module=("-m", "accelerate.commands.launch", "--cpu"))
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1  # the launcher's exit code; our error precedes its traceback
    assert "none.jpg" in error


def test_paintings_are_distributed_over_processes():
    Path("paintings").mkdir()
    for path in sorted((ROOT / "style_images").glob("*.jpg"))[:3]:
        shutil.copy(path, "paintings")
    module = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    process = start("--style", "paintings", *SHORT, module=module)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-2000:]
    assert len(list(Path("styles").glob("*.safetensors"))) == 3

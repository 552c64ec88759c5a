"""The embedded generator as a newcomer meets it: no file is named, and what stands for it here is narrow."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage
from safetensors.torch import load_file
from support.gan_files import CONFIG, WIDTH, write_avatars, write_files, write_photo

from inst import assets
from inst.cli import main
from inst.image import read_image_text
from inst.pipelines.faces.embedded import edit_defaults
from inst.pipelines.faces.settings import EditSettings
from miniature.avatars import draw, sample

QUICK = ["--device", "cpu", "--dtype", "float32"]
TEXT = ["--text", "a face with glasses", "--beta", "0.05", *QUICK]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = write_files(tmp_path_factory.mktemp("narrow") / "files")
    write_avatars(folder.parent / "assets" / "avatars", folder)
    return folder


@pytest.fixture
def folder(monkeypatch):
    """``folder(path)``: the embedded models are looked for there."""

    def use(path):
        monkeypatch.setattr(assets, "FOLDER", path)
        assets.avatars_folder.cache_clear()

    yield use
    assets.avatars_folder.cache_clear()


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch, files, folder):
    folder(files.parent / "assets")
    monkeypatch.chdir(tmp_path)


def pixels(path):
    return np.asarray(PilImage.open(path), dtype=int)


def edit_of(path):
    record = json.loads(read_image_text(Path(path))["inst"])
    return record, record["settings"]["edit"]


def test_a_text_alone_edits_a_bundled_avatar(capsys):
    assert main(["edit", *TEXT]) == 0
    assert main(["edit", *TEXT, "--strength", "0", "--output", "before.png"]) == 0
    (made,) = Path("outputs").iterdir()
    assert made.name == "avatar-a_face_with_glasses.png" and PilImage.open(made).size == (32, 32)
    assert abs(pixels(made) - pixels("before.png")).mean() > 0.5
    record, edit = edit_of(made)
    assert (record["model"], edit["clip"], edit["method"], edit["neutral"]) == (
        "avatars", "avatars", "directions", "a face"
    )  # fmt: skip
    assert str(assets.FOLDER) not in json.dumps(record)


def test_a_published_generator_is_optimised_as_published_and_an_avatar_keeps_its_pixels():
    published = edit_defaults(EditSettings(), embedded=False)
    assert (published.l2, published.pixel_weight, published.jitter) == (0.008, 0, 0)
    own = edit_defaults(EditSettings(), embedded=True)
    assert own.pixel_weight and own.l2 and own.jitter
    quick = [*TEXT, "--method", "optimize", "--steps", "12", "--seed", "1"]
    assert main(["edit", *quick, "--output", "own.png"]) == 0
    assert main(["edit", *quick, "--pixel-weight", "0", "--output", "free.png"]) == 0
    assert main(["edit", *quick, "--pixel-weight", "30", "--output", "held.png"]) == 0
    assert main(["edit", *quick, "--strength", "0", "--output", "before.png"]) == 0
    way = {name: abs(pixels(f"{name}.png") - pixels("before.png")).mean() for name in ("free", "held")}
    assert way["held"] < 0.7 * way["free"]
    edit = edit_of("own.png")[1]
    assert (edit["l2"], edit["pixel_weight"], edit["jitter"]) == (own.l2, own.pixel_weight, own.jitter)


def test_words_that_its_clip_never_learned_are_told(capsys):
    assert main(["edit", "--text", "a face with a hatt", *TEXT[2:], "--output", "known.png"]) == 0
    assert 'was not trained on "hatt" (nearest: hat)' in capsys.readouterr().err
    assert main(["edit", *TEXT, "--output", "other.png"]) == 0
    assert "not trained on" not in capsys.readouterr().err


def test_all_bundled_avatars_and_each_alone():
    assert main(["edit", "--latents", "avatars", *TEXT, "--output", "all"]) == 0
    assert len(list(Path("all").iterdir())) == 3
    assert main(["edit", "--seed", "2", *TEXT, "--output", "third.png"]) == 0
    assert np.array_equal(pixels("third.png"), pixels("all/avatars-a_face_with_glasses-2.png"))
    assert not np.array_equal(pixels("third.png"), pixels("all/avatars-a_face_with_glasses-1.png"))
    again = ["edit", "--from-image", "all/avatars-a_face_with_glasses-2.png", *QUICK, "--output", "again.png"]
    assert main(again) == 0
    assert np.array_equal(pixels("again.png"), pixels("third.png"))


@pytest.mark.parametrize("method", ["ffclip", "optimize"])
def test_other_methods_need_no_file_either(method):
    some = ["edit", "--random", "1", *TEXT, "--method", method, "--steps", "3"]
    assert main([*some, "--output", "a.png"]) == 0
    assert main([*some, "--strength", "0", "--output", "b.png"]) == 0
    assert abs(pixels("a.png") - pixels("b.png")).mean() > 0.1
    assert edit_of("a.png")[1]["method"] == method


def test_an_avatar_that_was_saved_is_edited_as_it_is(capsys):
    assert main(["edit", "--random", "1", *TEXT, "--strength", "0", "--output", "mine.png"]) == 0
    for side in (64, 96):  # smaller pictures are not read
        PilImage.open("mine.png").resize((side, side)).save(f"mine-{side}.png")
    for name in ("mine-64.png", "mine-96.png"):
        assert main(["edit", name, *TEXT, "--output", f"edited-{name}"]) == 0
        assert "identity distance" in capsys.readouterr().out
        assert PilImage.open(f"edited-{name}").size == (32, 32)
    assert main(["invert", "mine-64.png", "--output", "mine_w.safetensors", *QUICK]) == 0
    assert load_file("mine_w.safetensors")["w_plus"].shape == (1, CONFIG.num_layers, WIDTH)
    assert main(["edit", "--latents", "mine_w.safetensors", *TEXT, "--output", "later.png"]) == 0
    assert abs(pixels("later.png") - pixels("edited-mine-64.png")).max() <= 1


def test_an_avatar_in_a_scene_is_found_by_its_landmarks_and_put_back(files):
    attributes = sample(np.random.default_rng(3))
    avatar, points = draw(attributes, 3, 96)
    scene = np.full((160, 240, 3), 0.5, np.float32)
    scene[40:136, 100:196] = avatar
    PilImage.fromarray(np.round(scene * 255).astype(np.uint8)).save("scene.png")
    np.save("scene.npy", points + np.array([100, 40]))
    given = ["scene.png", "--landmarks", "scene.npy"]
    assert main(["align", *given, "--size", "96", "--output", "face.png"]) == 0
    held = pixels("face.png")
    # an upright avatar is where FFHQ's alignment puts a face, but for how this one is held
    assert abs(held - np.round(avatar * 255)).mean() < 0.5 * abs(held - held.mean((0, 1))).mean()
    # the narrow generator's own encoder would refuse it: that one draws no avatars
    assert main(["edit", *given, *TEXT, "--encoder", str(files / "e4e.pt"), "--output", "out.png"]) == 0
    before, after = pixels("scene.png"), pixels("out.png")
    changed = np.argwhere(abs(before - after).max(-1) > 0)
    assert before.shape == after.shape
    assert changed.min(0) == pytest.approx((40, 100), abs=12) and changed.max(0) == pytest.approx((136, 196), abs=12)


def test_what_the_generator_cannot_show_is_refused(capsys):
    rng = np.random.default_rng(0)
    PilImage.fromarray(rng.choice([0, 255], (64, 64, 3)).astype(np.uint8)).save("noise.png")
    for command in (["edit", "noise.png", *TEXT], ["invert", "noise.png", *QUICK]):
        assert main(command) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert "cannot show this picture" in error and "--generator stylegan2-ffhq-config-f.pt --encoder" in error
        assert not Path("outputs").exists()
    assert main(["edit", "noise.png", *TEXT, "--encoder", "none", "--invert-steps", "2", "--output", "a.png"]) == 0


def test_a_photo_that_is_not_square_gets_advice(capsys):
    write_photo("photo.png")
    assert main(["edit", "photo.png", *TEXT]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "it is 120x96 pixels" in error or "face" in error  # with face-alignment there is none to be found
    assert not Path("outputs").exists()


def test_files_beside_it_are_for_it_alone(files, capsys):
    other = ["--generator", str(files / "other.safetensors"), "--clip", f"local-dir:{files / 'clip'}"]
    assert main(["edit", *TEXT, *other]) == 2
    assert "no face was given" in capsys.readouterr().err
    assert main(["edit", "--random", "1", *TEXT, *other, "--steps", "2", "--output", "a.png"]) == 0
    record, edit = edit_of("a.png")
    assert (record["model"], edit["method"], edit["neutral"]) == ("other.safetensors", "optimize", "face")
    assert main(["edit", "--from-image", "a.png", *QUICK]) == 2
    assert "was made with other.safetensors" in capsys.readouterr().err
    assert main(["edit", "--latents", "avatars", *TEXT, *other, "--encoder", "avatars", "--method", "ffclip"]) == 2
    assert "--method ffclip needs its file" in capsys.readouterr().err
    assert main(["invert", str(files / "photo.png"), "--aligned", *QUICK, *other[:2], "--encoder", "avatars"]) == 2
    assert "was trained for another generator" in capsys.readouterr().err


def test_what_is_trained_for_it_needs_no_file():
    quick = ["--samples", "2", "--max-train-steps", "1", *QUICK]
    assert main(["mapper", "train", "--text", "a hat", *quick, "--output", "m.safetensors"]) == 0
    assert main(["edit", "--mapper", "m.safetensors", *QUICK, "--output", "a.png"]) == 0
    assert edit_of("a.png")[1]["method"] == "mapper"


def test_models_says_whether_it_is_here(folder, tmp_path, capsys):
    assert main(["models"]) == 0
    assert any(line.split()[:2] == ["avatars", "here"] for line in capsys.readouterr().out.splitlines())
    folder(tmp_path)
    assert main(["models"]) == 0
    assert any(line.split()[:3] == ["avatars", "not", "here"] for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    "command",
    [
        ["edit", *TEXT],
        ["edit", "photo.png", *TEXT],
        ["invert", "photo.png", *QUICK],
        ["directions", "prepare", "--output", "a.safetensors", *QUICK],
        ["mapper", "train", "--text", "a hat", "--output", "a.safetensors", *QUICK],
        ["edit", "--random", "1", *TEXT, "--generator", "G.safetensors", "--clip", "avatars"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_copy_without_weights_says_so(command, folder, tmp_path, files, capsys):
    folder(tmp_path / "none")
    write_photo("photo.png")
    Path("G.safetensors").symlink_to(files / "G.safetensors")
    assert main(command) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert "the embedded generator of avatars is not in this installation" in error and "--generator FILE" in error
    assert sorted(path.name for path in Path().iterdir()) == ["G.safetensors", "photo.png"]


def test_a_name_that_is_nearly_right(capsys):
    assert main(["edit", *TEXT, "--generator", "avatar"]) == 2
    assert "--generator avatar does not exist (did you mean avatars?)" in capsys.readouterr().err


def test_a_damaged_file_is_named(files, folder, tmp_path, capsys):
    write_avatars(tmp_path / "damaged" / "avatars", files)
    with (tmp_path / "damaged" / "avatars" / "directions.safetensors").open("ab") as file:
        file.write(b"more")
    folder(tmp_path / "damaged")
    assert main(["edit", *TEXT]) == 2
    assert "directions.safetensors of the embedded generator of avatars is damaged" in capsys.readouterr().err

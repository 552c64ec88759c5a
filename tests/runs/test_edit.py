"""``inst edit``, ``invert`` and ``align`` as a user types them, with a narrow generator."""

import importlib.util
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from safetensors.torch import load_file
from support.gan_files import CONFIG, WIDTH, bounded_generator, prepared, write_files, write_photo

from inst.cli import main
from inst.errors import InputError
from inst.gan.checkpoints import load_generator
from inst.gan.editor import Editor
from inst.gan.ffclip import SemanticModulation
from inst.gan.styleclip.mapper import LevelsMapper
from inst.gan.styleclip.prepared import write_prepared
from inst.gan.trained import save_trained
from inst.image import read_image_text
from inst.pipelines.faces.editing import FaceEdit, edit_in_batches
from inst.placement import choose_placement

CPU = choose_placement("cpu", "float32")
QUICK = ["--device", "cpu", "--dtype", "float32"]
GAN = ["--generator", "G.safetensors", "--clip", "local-dir:clip", *QUICK]
TEXT = ["--text", "a face with glasses"]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    torch.set_num_threads(1)
    folder = write_files(tmp_path_factory.mktemp("gan") / "files")
    write_prepared(folder / "fs3.safetensors", prepared())
    strange = prepared(torch.nn.functional.normalize(torch.randn(WIDTH), dim=0), {"clip": "RN50"})
    write_prepared(folder / "strange.safetensors", strange)
    np.save(folder / "fs3.npy", strange.relevance.numpy().astype(np.float16))
    np.save(folder / "wide.npy", np.ones((len(strange.relevance), 512), np.float16))
    torch.manual_seed(0)
    save_trained(folder / "mapper.safetensors", LevelsMapper(WIDTH), {"text": "a beard"}, None, prefix="mapper.")
    save_trained(folder / "foreign.safetensors", LevelsMapper(WIDTH), {"generator": "0" * 16}, None, prefix="mapper.")
    save_trained(folder / "ffclip.safetensors", SemanticModulation(CONFIG.num_layers, WIDTH, 2), {}, None)
    torch.save(torch.zeros(2, 6, 7), folder / "codes7.pt")
    (folder / "cut.pt").write_bytes((folder / "small.pt").read_bytes()[:2000])
    (folder / "hostile.pt").write_bytes(pickle.dumps(Hostile()))
    return folder


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("hacked"),)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch, files):
    for path in files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)


def pixels(path):
    return np.asarray(PilImage.open(path), dtype=int)


# Randomly sampled faces


def test_random_faces_are_edited_and_carry_their_settings():
    arguments = ["edit", "--random", "2", "--seed", "7", *TEXT, "--steps", "8", *GAN]
    assert main([*arguments, "--output", "out"]) == 0
    assert main([*arguments, "--strength", "0", "--output", "plain"]) == 0
    for folder in ("out", "plain"):
        assert [path.name for path in sorted(Path(folder).iterdir())] == [
            f"a_face_with_glasses-{seed}.png" for seed in (7, 8)
        ]
    generator = load_generator(Path("G.safetensors"), CPU)
    for path in Path("plain").iterdir():
        record = json.loads(read_image_text(path)["inst"])
        z = torch.randn(WIDTH, generator=torch.Generator().manual_seed(record["seed"]))
        drawn = generator(generator.truncate(generator.map(z[None]), 0.7))
        expected = ((drawn[0].clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
        assert abs(pixels(path) - expected).max() <= 1
        assert abs(pixels(path) - pixels(Path("out") / path.name)).mean() > 1
        assert record["prompt"] == "a face with glasses" and record["settings"]["edit"]["steps"] == 8
        assert str(Path.cwd()) not in json.dumps(record)


def test_from_image_makes_the_same_picture_again():
    arguments = ["edit", "--random", "2", "--seed", "3", *TEXT, "--steps", "5", "--space", "styles", *GAN]
    assert main([*arguments, "--output", "out"]) == 0
    assert main(["edit", "--from-image", "out/a_face_with_glasses-4.png", "--output", "again.png", *GAN]) == 0
    assert np.array_equal(pixels("again.png"), pixels("out/a_face_with_glasses-4.png"))
    assert main([*arguments, "--output", "bare.jpg", "--no-metadata"]) == 0
    assert read_image_text(Path("bare-1.jpg")) == {}


METHODS = {
    "directions": ["--directions", "fs3.safetensors", "--beta", "0.05"],
    "npy": ["--directions", "fs3.npy", "--statistics", "fs3.safetensors", "--beta", "0.05"],
    "mapper": ["--mapper", "mapper.safetensors"],
    "ffclip": ["--ffclip", "ffclip.safetensors"],
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_edits(method):
    given = METHODS[method]
    text = [] if method == "mapper" else TEXT
    assert main(["edit", "--random", "1", *text, *given, "--output", "a.png", *GAN]) == 0
    assert main(["edit", "--random", "1", *text, *given, "--strength", "0", "--output", "b.png", *GAN]) == 0
    assert abs(pixels("a.png") - pixels("b.png")).mean() > 0.5
    if method == "directions":
        assert main(["edit", "--random", "1", *text, *given, "--alpha", "0", "--output", "c.png", *GAN]) == 0
        assert np.array_equal(pixels("b.png"), pixels("c.png"))


def test_a_saved_edit_is_made_again_mixed_and_filmed(capsys):
    first = ["edit", "--random", "1", *TEXT, "--steps", "6", "--video", "a.gif", "--frames", "5"]
    assert main([*first, "--save-edit", "a.safetensors", "--output", "a.png", *GAN]) == 0
    assert (
        PilImage.open("a.gif").n_frames == 4
    )  # the first step, of rate 0, changes nothing: one picture, twice as long
    again = ["edit", "--random", "1", "--edits", "a.safetensors", "--video", "b.gif", "--frames", "5"]
    assert main([*again, "--output", "b.png", *GAN]) == 0
    assert (PilImage.open("b.gif").n_frames, PilImage.open("b.gif").size) == (5, (32, 32))
    assert abs(pixels("a.png") - pixels("b.png")).max() <= 1
    both = ["--edits", "a.safetensors:0.6", "a.safetensors:-0.6"]
    assert main(["edit", "--random", "1", *both, "--output", "c.png", "--video", "c.gif", *GAN]) == 0
    assert main(["edit", "--random", "1", "--edits", "a.safetensors:0", "--output", "d.png", *GAN]) == 0
    assert abs(pixels("c.png") - pixels("d.png")).max() <= 1
    assert abs(pixels("a.png") - pixels("d.png")).mean() > 1


# Photos


def test_a_face_is_edited_inside_its_photo(capsys):
    face = ["--landmarks", "photo.npy", "--encoder", "e4e.pt", "--identity", "identity.pth"]
    arguments = ["edit", "photo.png", *face, *TEXT, "--steps", "5", *GAN]
    assert main([*arguments, "--output", "out.png"]) == 0
    assert "identity distance" in capsys.readouterr().out
    before, after = pixels("photo.png"), pixels("out.png")
    assert before.shape == after.shape
    changed = np.abs(before - after).max(-1) > 0
    columns = np.nonzero(changed)[1]
    assert 0.2 < changed.mean() < 0.8
    assert abs((columns.min() + columns.max()) / 2 - 60) < 5  # where the landmarks are
    assert not changed[:, :8].any()
    assert main([*arguments, "--output", "out.png"]) == 2  # it is there already


def test_codes_found_once_are_edited_later(capsys):
    found = ["invert", "photo.png", "--landmarks", "photo.npy", "--generator", "G.safetensors", *QUICK]
    assert main([*found, "--invert-steps", "1", "--output", "one_w.safetensors"]) == 0
    assert main([*found, "--invert-steps", "60", "--output", "face_w.safetensors"]) == 0
    one, sixty = (json.loads(_metadata(name)["inst.codes"]) for name in ("one_w.safetensors", "face_w.safetensors"))
    assert sixty["psnr"][0] > one["psnr"][0] + 2
    assert load_file("face_w.safetensors")["w_plus"].shape == (1, CONFIG.num_layers, WIDTH)
    assert PilImage.open("face_w.png").size == (32, 32)
    assert main(["edit", "--latents", "face_w.safetensors", *TEXT, "--steps", "3", "--output", "a.png", *GAN]) == 0
    none = ["--strength", "0", "--steps", "1"]
    assert main(["edit", "--latents", "face_w.safetensors", *TEXT, *none, "--output", "b.png", *GAN]) == 0
    assert abs(pixels("b.png") - pixels("face_w.png")).max() <= 1


def _metadata(name):
    from safetensors import safe_open

    with safe_open(name, framework="pt") as file:
        return file.metadata()


def test_faces_are_cut_out_edited_and_go_back(capsys):
    assert main(["align", "photo.png", "--landmarks", "two.npy", "--all", "--size", "64", "--output", "faces"]) == 0
    assert [PilImage.open(path).size for path in sorted(Path("faces").iterdir())] == [(64, 64)] * 2
    assert main(["align", "photo.png", "--landmarks", "two.npy", "--size", "64", "--output", "largest.png"]) == 0
    assert "2 faces: the largest is taken" in capsys.readouterr().err
    assert np.array_equal(pixels("largest.png"), pixels("faces/photo-face-0.png"))
    arguments = ["edit", "faces", "--aligned", "--encoder", "e4e.pt", *TEXT, "--steps", "2"]
    assert main([*arguments, "--output", "out", *GAN]) == 0
    assert [PilImage.open(path).size for path in sorted(Path("out").iterdir())] == [(32, 32)] * 2


@pytest.mark.parametrize("command", ["align", "edit", "invert"])
def test_a_face_in_profile_gets_a_word_of_warning(command, capsys):
    aside = np.load("two.npy")
    aside[0, 30] = aside[0, 42]  # the nose under an eye
    np.save("aside.npy", aside)
    made = {"align": [], "edit": [*TEXT, "--steps", "1"], "invert": ["--preview"]}[command]
    made += [] if command == "align" else ["--encoder", "e4e.pt", *GAN]
    if command == "invert":
        made = [word for word in made if word not in ("--clip", "local-dir:clip")]
    for file, said in (("two.npy", False), ("aside.npy", True)):
        assert main([command, "photo.png", "--all", "--landmarks", file, *made, "--overwrite"]) == 0
        assert ("1 of 2 faces are in profile" in capsys.readouterr().err) == said


def test_a_folder_goes_on_and_ends_with_a_list(capsys):
    Path("photos").mkdir()
    Path("marks").mkdir()
    for name in ("a", "b", "c"):
        write_photo(f"photos/{name}.png")
        shutil.copy("photo.npy", f"marks/{name}.npy")
    Path("marks/c.npy").unlink()
    Path("photos/b.png").write_bytes(Path("photos/b.png").read_bytes()[:200])
    arguments = ["edit", "photos", "--landmarks", "marks", "--encoder", "e4e.pt", *TEXT, "--steps", "2"]
    assert main([*arguments, "--output", "out", *GAN]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert "2 of 3 photos could not be used: b.png, c.png" in error[-1]
    assert any("holds no landmarks of c.png" in line for line in error)
    assert [path.name for path in Path("out").iterdir()] == ["a.png"]


# Several at once


@pytest.mark.parametrize("method", ["directions", "mapper", "ffclip"])
def test_faces_edited_at_once_are_as_one_by_one(method, capsys):
    """Photos with one face and two, one of them unreadable; and random faces, whose last batch is smaller."""
    Path("photos").mkdir()
    Path("marks").mkdir()
    for name, marks in (("a", "photo"), ("b", "photo"), ("c", "two"), ("d", "photo")):
        write_photo(f"photos/{name}.png", (120 + ord(name), 96))
        shutil.copy(f"{marks}.npy", f"marks/{name}.npy")
    Path("photos/b.png").write_bytes(Path("photos/b.png").read_bytes()[:200])
    text = [] if method == "mapper" else TEXT
    for size in ("1", "3"):
        alike = [*text, *METHODS[method], "--batch-size", size, *GAN]
        searched = ["--invert-steps", "2"] if method == "mapper" else []  # which finds noise of each face's own
        found = ["photos", "--landmarks", "marks", "--all", "--encoder", "e4e.pt", *searched]
        assert main(["edit", *found, *alike, "--output", f"photos{size}"]) == 2
        assert "1 of 4 photos could not be used: b.png" in capsys.readouterr().err
        saved = ["--save-edit", f"edit{size}.safetensors", "--output", f"random{size}"]
        assert main(["edit", "--random", "5", *alike, *saved]) == 0
    for folder, count in (("photos", 3), ("random", 5)):
        one, three = (sorted(Path(f"{folder}{size}").iterdir()) for size in "13")
        assert [path.name for path in one] == [path.name for path in three] and len(one) == count
        for first, second in zip(one, three, strict=True):
            assert abs(pixels(first) - pixels(second)).max() <= 1
    assert [json.loads(read_image_text(path)["inst"])["seed"] for path in three] == list(range(5))
    first, second = (load_file(f"edit{size}.safetensors") for size in "13")
    for name, offset in first.items():
        torch.testing.assert_close(second[name], offset, atol=1e-4, rtol=1e-4)


def test_a_face_that_fails_does_not_affect_the_others():
    class Refusing(Editor):
        num_steps = 1

        def steps(self, w_plus, text):
            if not torch.isfinite(w_plus).all():
                raise InputError("not a face")
            yield [w_plus]

    generator = bounded_generator()
    edit = FaceEdit(generator, "mapper", editor=Refusing())
    rng = torch.Generator().manual_seed(0)
    codes = list(generator.to_w_plus(generator.map(torch.randn(4, WIDTH, generator=rng))).clone().split(1))
    codes[1] = codes[1] * torch.nan
    maps = [[torch.randn(1, *conv.noise.shape, generator=rng) for conv in generator.convs] for _ in codes]
    steps = list(edit_in_batches(edit, list(zip(codes, maps, strict=True)), 3))
    images = [image for step in steps for image in step.finished]
    assert isinstance(images[1], InputError) and str(images[1]) == "not a face"
    for index in (0, 2, 3):
        torch.testing.assert_close(images[index], generator(codes[index], maps[index]).clamp(-1, 1))
    assert [len(step.batch.images) for step in steps if step.batch] == [1, 1, 1]  # three were tried at once, then alone


# What a user does wrong

RANDOM = ["edit", "--random", "1"]
PHOTO = ["edit", "photo.png", "--landmarks", "photo.npy"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["edit", *TEXT, *GAN], "no face was given"),
        (["edit", "photo.png", *RANDOM[1:], *TEXT, *GAN], "photos and --random were both given"),
        (["edit", "none.png", *TEXT, *GAN], "none.png does not exist"),
        (["edit", "photo.png", "strenght=2", *TEXT, *GAN], "did you mean strength?"),
        ([*RANDOM, *GAN], "no text was given"),
        ([*RANDOM, "--text", " ", *GAN], "text is empty"),
        ([*RANDOM, "--text", "a " * 300, *GAN], "has 599 characters"),
        ([*RANDOM, "--text", "one two three four five six seven " * 4, *GAN], "text is too long"),
        ([*RANDOM, *TEXT, "--alpha", "31", *GAN], "alpha=31.0 is out of range: give -30 to 30"),
        ([*RANDOM, *TEXT, "--beta", "-0.1", *GAN], "beta=-0.1 is out of range: give 0 to 1"),
        ([*RANDOM, *TEXT, "--method", "direction", *GAN], "did you mean directions?"),
        ([*RANDOM, *TEXT, "--method", "directions", *GAN], "needs its file: --directions FILE"),
        ([*RANDOM, *TEXT, "--directions", "fs3.safetensors", "--beta", "1", *GAN], "beta=1 leaves no channel"),
        ([*RANDOM, *TEXT, "--directions", "fs3.npy", *GAN], "give --statistics S_mean_std"),
        ([*RANDOM, *TEXT, "--directions", "strange.safetensors", *GAN], "was made with the CLIP RN50"),
        (
            [*RANDOM, *TEXT, "--directions", "wide.npy", "--statistics", "fs3.safetensors", *GAN],
            "a CLIP of width 512",
        ),
        (
            [*RANDOM, *TEXT, "--directions", "fs3.safetensors", "--neutral", "a face with glasses", *GAN],
            "mean the same",
        ),
        ([*RANDOM, "--mapper", "foreign.safetensors", *GAN], "was trained for another generator"),
        ([*RANDOM, "--mapper", "ffclip.safetensors", *GAN], "holds no latent mapper"),
        ([*RANDOM, "--mapper", "none.pt", *GAN], "--mapper none.pt does not exist"),
        ([*RANDOM, *TEXT, "--ffclip", "ffclip.safetensors", "--mapper", "mapper.safetensors", *GAN], "two methods"),
        ([*RANDOM, *TEXT, "--edits", "mapper.safetensors", *GAN], "leave out --text"),
        ([*RANDOM, "--edits", "mapper.safetensors", *GAN], "holds no edit"),
        ([*RANDOM, "--edits", "mapper.safetensors:much", *GAN], "the weight much is not accepted"),
        ([*RANDOM, *TEXT, "--identity-weight", "1", *GAN], "needs --identity"),
        ([*RANDOM, *TEXT, "--video", "a.avi", *GAN], "ending in .gif or .mp4"),
        ([*RANDOM, *TEXT, "--save-edit", "a.pt", *GAN], "ending in .safetensors"),
        ([*RANDOM, *TEXT, "--output", "photo.png", *GAN], "is there already"),
        ([*RANDOM, *TEXT, "--generator", "none.pt"], "--generator none.pt does not exist"),
        ([*RANDOM, *TEXT, "--generator", "hostile.pt", *QUICK], "hostile.pt: it holds an object of pathlib.Path.touch"),
        ([*RANDOM, *TEXT, "--generator", "cut.pt", *QUICK], "cut.pt"),
        ([*RANDOM, *TEXT, "--generator", "identity.pth", *QUICK], "seems to be an ArcFace network"),
        (["edit", "--latents", "codes7.pt", *TEXT, *GAN], "codes of 6 layers of 7"),
        (["edit", "--latents", "identity.pth", *TEXT, *GAN], "holds no latent codes"),
        ([*PHOTO, "--encoder", "e4e10.pt", *TEXT, *GAN], "makes codes of 10 layers of 24"),
        ([*PHOTO, "--encoder", "G.safetensors", *TEXT, *GAN], "holds no e4e encoder"),
        ([*PHOTO, "--face", "1", "--encoder", "e4e.pt", *TEXT, *GAN], "face 1 was asked for, but 1 found"),
        (["edit", "photo.png", "--landmarks", "fs3.npy", "--encoder", "e4e.pt", *TEXT, *GAN], "68 points"),
        (["edit", "photo.png", "--landmarks", "nobody.json", "--encoder", "e4e.pt", *TEXT, *GAN], "no face was found"),
        (["align", "photo.png", "--landmarks", "none.npy"], "--landmarks none.npy does not exist"),
        (["align"], "no photo was given"),
        pytest.param(
            ["edit", "photo.png", *TEXT, *GAN],
            'pip install "inst[faces]"',
            marks=pytest.mark.skipif(importlib.util.find_spec("face_alignment") is not None, reason="it is there"),
        ),
        (["align", "photo.png", "--landmarks", "two.npy", "--all", "--output", "a.png"], "give a folder"),
        (["align", "clip"], "contains no picture"),
        (["invert", "photo.png", "--output", "a.png", *GAN], "ending in .safetensors"),
        (["directions"], "inst directions prepare"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(arguments, sentence, capsys):
    Path("nobody.json").write_text("[]")
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and sentence in error, error
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before  # nothing was written, or run

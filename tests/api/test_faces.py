"""Face editing from Python, by public names alone: the results of the command line, from any form of picture."""

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from safetensors.torch import load_file

import inst
from inst.cli import main

QUICK = ["--device", "cpu", "--dtype", "float32"]
TEXT = "a face with glasses"


@pytest.fixture(scope="module")
def faces():
    torch.set_num_threads(1)
    return inst.load_generator("avatars", device="cpu", dtype="float32")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def avatar(faces):
    return faces.synthesize(faces.sample(seed=7))[0]


@pytest.fixture(scope="module")
def scene():
    """An avatar in a larger picture, and its landmarks."""
    pytest.importorskip("cv2")
    from miniature.avatars import draw, sample

    drawn, points = draw(sample(np.random.default_rng(3)), 3, 96)
    pixels = np.full((160, 240, 3), 127, np.uint8)
    pixels[40:136, 100:196] = np.round(drawn * 255)
    return PilImage.fromarray(pixels), points + np.array([100, 40])


def pixels(picture):
    return np.asarray(PilImage.open(picture) if isinstance(picture, str | Path) else picture, dtype=int)


def same(pictures, paths, tolerance=0):
    pairs = zip(pictures, sorted(paths), strict=True)
    return all(abs(pixels(one) - pixels(other)).max() <= tolerance for one, other in pairs)


# The same as the command line


@pytest.mark.parametrize(
    ("method", "settings", "tolerance"),
    [
        ("directions", {}, 0),
        ("directions", {"alpha": 4.0, "beta": 0.12, "strength": 0.5}, 0),
        ("ffclip", {}, 0),
        ("ffclip", {"batch_size": 2}, 1),  # pictures made in other batches differ in their last bits
        ("optimize", {"steps": 4, "space": "styles", "l2": 0.01}, 1),
    ],
)
def test_random_faces_are_edited_as_by_the_command(faces, method, settings, tolerance):
    flags = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = ["edit", "--random", "3", "--seed", "7", "--text", TEXT, "--method", method, *flags, *QUICK]
    assert main([*command, "--output", "out"]) == 0
    codes = faces.sample(seed=7, num=3)
    edited = faces.edit(codes, TEXT, method=method, **settings)
    assert same(faces.synthesize(edited), Path("out").iterdir(), tolerance)
    assert not same(faces.synthesize(codes), Path("out").iterdir(), 10)


def test_embedded_examples_are_edited_as_by_the_command(faces):
    assert main(["edit", "--seed", "5", "--text", "a woman with blue hair", *QUICK, "--output", "out.png"]) == 0
    codes = faces.load_latents("avatars")[5:6]
    assert same(faces.synthesize(faces.edit(codes, "a woman with blue hair")), [Path("out.png")])


def test_a_photo_is_inverted_as_by_the_command(faces, avatar):
    avatar.save("me.png")
    command = ["invert", "me.png", "--invert-steps", "3", *QUICK, "--output", "me_w.safetensors"]
    assert main(command) == 0
    (found,) = faces.invert("me.png", invert_steps=3)
    assert torch.equal(found.codes, load_file("me_w.safetensors")["w_plus"])
    assert np.array_equal(pixels(faces.synthesize(found.codes)[0]), pixels("me_w.png"))
    assert isinstance(found, inst.InvertedFace) and found.quad is None and float(found.loss.psnr[0]) > 15
    assert np.array_equal(pixels(found.image), pixels(avatar))
    (encoded,) = faces.invert("me.png")
    (reconstruction,) = faces.synthesize(found.codes, found.noise)
    error = [abs(pixels(one) - pixels(avatar)).mean() for one in (reconstruction, faces.synthesize(encoded.codes)[0])]
    assert error[0] < error[1], "optimisation after the encoder comes nearer"


def test_a_photo_is_edited_as_by_the_command_and_kept_outside_of_the_face(faces, scene):
    photo, landmarks = scene
    photo.save("scene.png")
    np.save("scene.npy", landmarks)
    command = [
        "edit",
        "scene.png",
        "--landmarks",
        "scene.npy",
        "--text",
        "a man with a beard",
        "--feather",
        "0.2",
        *QUICK,
    ]
    assert main([*command, "--output", "out.png"]) == 0
    edited = faces.edit_photo(photo, "a man with a beard", landmarks=landmarks, feather=0.2)
    assert edited.size == photo.size and np.array_equal(pixels(edited), pixels("out.png"))
    changed = np.argwhere(abs(pixels(edited) - pixels(photo)).max(-1) > 0)
    assert changed.min(0) == pytest.approx((40, 100), abs=12) and changed.max(0) == pytest.approx((136, 196), abs=12)


def test_faces_are_aligned_as_by_the_command(scene):
    photo, landmarks = scene
    photo.save("scene.png")
    np.save("scene.npy", landmarks)
    assert main(["align", "scene.png", "--landmarks", "scene.npy", "--size", "96", "--output", "face.png"]) == 0
    (face,) = inst.align_faces(photo, size=96, landmarks=landmarks)
    assert np.array_equal(pixels(face), pixels("face.png"))
    (by_function,) = inst.align_faces(photo, size=96, landmarks=lambda image: [landmarks])
    assert np.array_equal(pixels(face), pixels(by_function))


# Codes


def test_a_sampled_face_does_not_depend_on_the_others(faces):
    several = faces.sample(seed=7, num=4)
    assert several.shape[0] == 4 and several.dtype == torch.float32
    for index in range(4):
        assert torch.equal(several[index : index + 1], faces.sample(seed=7 + index))
    mean = faces.sample(seed=1, truncation=0.0)
    torch.testing.assert_close(mean, faces.sample(seed=2, truncation=0.0))
    assert (faces.sample(seed=1, truncation=0.3) - mean).abs().mean() < (faces.sample(seed=1) - mean).abs().mean()


def test_codes_are_rendered_alike_as_pictures_and_as_a_tensor(faces):
    codes = faces.sample(seed=3, num=10)
    images = faces.render(codes)
    assert images.shape[:2] == (10, 3) and images.device.type == "cpu" and images.abs().max() <= 1
    for image, picture in zip(images, faces.synthesize(codes), strict=True):
        assert abs(((image + 1) * 127.5).permute(1, 2, 0).numpy() - pixels(picture)).max() <= 0.51
    torch.testing.assert_close(faces.render(codes[:, 0]), faces.render(codes), msg="W is repeated for every layer")
    without = faces.render(codes, noise="none")
    assert 0 < (without - images).abs().mean() < 0.3


def test_the_steps_of_an_edit(faces):
    codes = faces.sample(seed=7, num=2)
    steps = list(faces.edit_steps(codes, TEXT, method="optimize", steps=4))
    assert all(isinstance(step, inst.EditStep) for step in steps)
    assert [(step.step, step.total) for step in steps] == [(number, 4) for number in (1, 2, 3, 4)]
    assert torch.equal(steps[0].codes[0], codes), "the learning rate of the first step is 0"
    first, last = steps[0].preview(), steps[-1].preview()
    assert (pixels(first) != pixels(last)).any()
    assert abs(pixels(last) - pixels(faces.synthesize(steps[-1].codes)[0])).max() <= 1
    (only,) = faces.edit_steps(codes, TEXT, method="directions")
    edited = faces.edit(codes, TEXT, method="directions")
    assert (only.step, only.total) == (1, 1)
    assert all(torch.equal(one, other) for one, other in zip(only.codes, edited, strict=True))


def test_a_saved_edit_is_applied_scaled_and_mixed(faces):
    codes = faces.sample(seed=7, num=2)
    edited = faces.edit(codes, "a face with blue hair")
    faces.edit_between(codes, edited, text="a face with blue hair").save("blue.safetensors")
    edit = inst.load_edit("blue.safetensors")
    assert isinstance(edit, inst.Edit) and edit.metadata["text"] == "a face with blue hair"
    torch.testing.assert_close(faces.render(faces.apply(codes, edit)), faces.render(edited), atol=1e-4, rtol=1e-4)
    other = faces.sample(seed=20)
    half = faces.apply(other, edit.scaled(0.5))
    twice = faces.apply(other, [edit.scaled(0.25), edit.scaled(0.25)])
    assert (faces.render(half) - faces.render(other)).abs().mean() > 1e-3
    torch.testing.assert_close(faces.render(half), faces.render(twice), atol=1e-4, rtol=1e-4)
    strange = dataclasses.replace(edit, metadata={"generator": "0" * 16})
    with pytest.raises(inst.ModelError, match="made with another generator"):
        faces.apply(other, strange)


@pytest.mark.parametrize("method", ["mapper", "ffclip", "directions"])
def test_what_was_trained_edits_at_once_and_from_its_file(faces, method):
    quick = {"samples": 4, "validation_samples": 2, "max_train_steps": 2}
    trained = {
        "mapper": lambda: faces.train_mapper(TEXT, **quick),
        "ffclip": lambda: faces.train_ffclip([TEXT, "an old man"], **quick),
        "directions": lambda: faces.prepare_directions(samples=1, statistics_samples=10, max_side=4),
    }[method]()
    trained.save("trained.safetensors")
    codes = faces.sample(seed=7, num=2)
    settings = {"beta": 0.05, "alpha": 3} if method == "directions" else {}
    edited = faces.edit(codes, TEXT, **{method: trained}, **settings)
    again = faces.edit(codes, TEXT, **{method: "trained.safetensors"}, **settings)
    by_path = faces.edit(codes, TEXT, **{method: Path("trained.safetensors")}, **settings)
    for one, other, third in zip(edited, again, by_path, strict=True):
        torch.testing.assert_close(one, other)
        assert torch.equal(other, third)
    assert (faces.render(edited) - faces.render(codes)).abs().mean() > 1e-4


# Pictures in any form


def forms(picture):
    array = np.asarray(picture)
    return {
        "text": "me.png",
        "path": Path("me.png"),
        "pil": picture,
        "rgba": picture.convert("RGBA"),
        "array": array,
        "tensor": torch.from_numpy(array.copy()).permute(2, 0, 1)[None] / 127.5 - 1,
    }


@pytest.mark.parametrize("form", ["text", "path", "pil", "rgba", "array", "tensor"])
def test_every_form_of_a_picture_is_accepted(faces, avatar, form):
    avatar.save("me.png")
    picture = forms(avatar)[form]
    (expected,) = faces.invert("me.png")
    (found,) = faces.invert(picture)
    torch.testing.assert_close(found.codes, expected.codes, atol=1e-5, rtol=1e-5)
    edited = faces.edit_photo(picture, TEXT, alpha=3)
    assert abs(pixels(edited) - pixels(faces.edit_photo("me.png", TEXT, alpha=3))).max() <= 1
    assert not np.array_equal(pixels(edited), pixels(avatar))


# What does not work


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda faces, w: faces.edit(w, TEXT, strenght=2), inst.ConfigError, r"did you mean strength\?"),
        (lambda faces, w: faces.edit(w, TEXT, alpha=31), inst.ConfigError, "alpha=31 is out of range: give -30 to 30"),
        (lambda faces, w: faces.edit(w, TEXT, method="direction"), inst.ConfigError, r"did you mean directions\?"),
        (lambda faces, w: faces.edit(w, " "), inst.ConfigError, "text is empty"),
        (lambda faces, w: faces.edit(w, None), inst.ConfigError, "no text was given"),
        (lambda faces, w: faces.edit(w, TEXT, mapper="none.pt"), inst.InputError, "--mapper none.pt does not exist"),
        (lambda faces, w: faces.edit(w, TEXT, method="mapper"), inst.ConfigError, "needs its file"),
        (lambda faces, w: faces.edit(w, TEXT, mapper=object()), inst.ConfigError, "mapper=object is not accepted"),
        (
            lambda faces, w: faces.edit(w, TEXT, directions=object()),
            inst.ConfigError,
            "directions=object is not accepted",
        ),
        (lambda faces, w: faces.edit(w[:, 1:], TEXT), inst.ConfigError, "does not fit this"),
        (lambda faces, w: faces.sample(num=0), inst.ConfigError, "out of range"),
        (lambda faces, w: faces.load_latents("none.pt"), inst.InputError, "--latents none.pt does not exist"),
        (lambda faces, w: faces.invert("none.png"), inst.InputError, "none.png"),
        (lambda faces, w: faces.invert(np.zeros((64, 64, 3), np.uint8), step=3), inst.ConfigError, "step is not known"),
        (lambda faces, w: faces.edit_photo(np.zeros((64, 64, 3), np.uint8), TEXT), inst.InputError, "cannot show this"),
        (lambda faces, w: inst.align_faces("none.png", size=1), inst.ConfigError, "size=1 is out of range"),
        (lambda faces, w: inst.load_generator("avatar"), inst.InputError, r"did you mean avatars\?"),
        (lambda faces, w: inst.FaceSession(device="abacus"), inst.ConfigError, "device=abacus"),
        (
            lambda faces, w: inst.load_generator(clip="none", device="cpu").edit(w, TEXT, method="ffclip"),
            inst.ConfigError,
            "needs a CLIP",
        ),
    ],
)
def test_mistakes_are_errors_with_a_sentence(faces, call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(faces, faces.sample())
    assert not list(Path().iterdir())


def test_unknown_words_are_a_warning(faces):
    with pytest.warns(inst.InstWarning, match='was not trained on "flamboyant"'):
        faces.edit(faces.sample(), "a flamboyant face")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces.edit(faces.sample(), TEXT)


def test_nothing_is_printed_or_written_and_progress_is_a_bar(faces, avatar, capsys):
    faces.edit(faces.sample(), TEXT)
    faces.edit_photo(avatar, TEXT)
    assert capsys.readouterr() == ("", "")
    faces.edit(faces.sample(), TEXT, method="optimize", steps=2, progress=True)
    faces.invert(avatar, invert_steps=2, progress=True)
    captured = capsys.readouterr()
    assert captured.out == "" and "editing" in captured.err and "inverting" in captured.err
    assert not list(Path().iterdir())


# Found faults


@pytest.mark.parametrize("command", ["edit", "invert", "align"])
def test_the_same_photo_twice_is_used_once(faces, scene, command, capsys):
    photo, landmarks = scene
    for folder in ("photos", "marks"):
        Path(folder).mkdir()
    for name in ("a", "b"):
        photo.save(f"photos/{name}.png")
        np.save(f"marks/{name}.npy", landmarks)
    options = {"edit": ["--text", TEXT], "invert": [], "align": ["--size", "64"]}[command]
    given = [command, *options, "--landmarks", "marks", "--output", "out"]
    given += [] if command == "align" else QUICK
    again = str(Path("photos/a.png").absolute())
    assert main([*given, "photos/a.png", again, "photos"]) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "was given more than once" in line]
    assert warned == [f"warning: {path} was given more than once: it is used once" for path in (again, "photos/a.png")]
    suffix = ".safetensors" if command == "invert" else ".png"
    assert sorted(path.name[0] for path in Path("out").glob(f"*{suffix}")) == ["a", "b"]


def test_what_is_given_beside_a_picture_wins_even_where_it_is_the_default(faces):
    made = ["edit", "--random", "1", "--seed", "4", "--text", TEXT, "--alpha", "2", *QUICK]
    assert main([*made, "--output", "made.png"]) == 0
    again = ["edit", "--from-image", "made.png", *QUICK]
    assert main([*again, "--output", "same.png"]) == 0
    assert np.array_equal(pixels("same.png"), pixels("made.png"))
    assert main([*again, "--seed", "0", "--output", "zero.png"]) == 0
    assert main([*again, "seed=0", "strength=1", "--output", "zero-again.png"]) == 0
    edited = faces.edit(faces.sample(seed=0), TEXT, alpha=2)
    assert same(faces.synthesize(edited) * 2, [Path("zero.png"), Path("zero-again.png")])


def test_settings_of_a_picture_leave_out_the_face_that_is_given(faces):
    from inst.commands.faces.from_image import settings_from_image

    made = ["edit", "--random", "1", "--seed", "4", "--text", TEXT, "--alpha", "2", *QUICK]
    assert main([*made, "--output", "made.png"]) == 0
    stored = settings_from_image(Path("made.png"), {})
    assert {name: stored[name] for name in ("text", "alpha", "seed", "random", "method")} == {
        "text": TEXT, "alpha": 2.0, "seed": 4, "random": 1, "method": "directions"
    }  # fmt: skip
    assert "source" not in stored and None not in stored.values()
    for name in ("photos", "latents"):
        assert "random" not in settings_from_image(Path("made.png"), {name: ("a.png",)})
    assert settings_from_image(Path("made.png"), {"random": 2})["random"] == 1, "layers decide that 2 wins"
    with pytest.raises(inst.InputError, match="carries no settings of inst edit"):
        faces.synthesize(faces.sample())[0].save("bare.png")
        settings_from_image(Path("bare.png"), {})
    record = json.loads(PilImage.open("made.png").info["inst"])
    assert record["settings"]["edit"]["alpha"] == 2.0

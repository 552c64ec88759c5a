"""``inst.learn_style``: every form of painting, settings as on the command line, stopping and resuming."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import inst
from inst.cli import main
from inst.image import from_pil, read_image
from inst.inversion.token import load_token

SMALL = {"max_train_steps": 4, "resolution": 64, "batch_size": 2, "validation_steps": 2}


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return inst.load_model(device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def painting(tmp_path_factory):
    path = tmp_path_factory.mktemp("paintings") / "Cup of coffee.png"
    Image.fromarray(data.coffee()).resize((96, 64)).save(path)
    return path


def test_the_command_and_the_function_learn_the_same_style(model, painting, tmp_path):
    output = tmp_path / "a.safetensors"
    options = [f"{name}={value}" for name, value in SMALL.items()]
    arguments = ["train", "--style", str(painting), "--output", str(output), "--no-preview", "--device", "cpu"]
    assert main([*arguments, "--dtype", "float32", *options]) == 0
    style = inst.learn_style(painting, model, name="a", **SMALL)
    style.save(tmp_path / "b.safetensors")
    assert output.read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_painting_may_have_any_form(model, painting):
    picture = read_image(painting)
    pixels = np.asarray(Image.open(painting))
    forms = [painting, str(painting), pixels, from_pil(Image.open(painting))]
    styles = [inst.learn_style(form, model, **SMALL) for form in forms]
    assert all(torch.equal(style.vectors, styles[0].vectors) for style in styles)
    assert [style.name for style in styles] == ["Cup_of_coffee", "Cup_of_coffee", "image", "image"]
    assert styles[0].metadata["style_sha256"] == picture.sha256


def test_the_steps_of_learning(model, painting):
    steps = list(inst.learn_style_steps(painting, model, name="cup", **SMALL))
    assert [(step.step, step.total) for step in steps] == [(n, 4) for n in range(5)]
    assert [step.validation is not None for step in steps] == [True, False, True, False, True]
    first, last = steps[0].style(), steps[-1].style()
    assert (first.name, first.metadata["step"], last.metadata["step"]) == ("cup", 0, 4)
    assert last.metadata["validation_after"] == steps[-1].best_loss == min(loss for _, loss in steps[-1].history)
    preview = steps[-1].preview()
    assert preview.mode == "RGB" and min(preview.size) == model.defaults.resolution


def test_a_learning_that_was_left_goes_on_to_the_same_style(model, painting, tmp_path):
    state = tmp_path / "deep" / "a.state"
    whole = inst.learn_style(painting, model, **SMALL)
    for step in inst.learn_style_steps(painting, model, checkpoint=state, **SMALL):
        if step.step == 3:
            break
    assert state.is_file()
    resumed = inst.learn_style(painting, model, checkpoint=state, resume=True, **SMALL)
    assert torch.equal(resumed.vectors, whole.vectors) and resumed.metadata == whole.metadata
    assert not state.exists()  # learned to the end


def test_learning_stops_where_it_is_asked_to(model, painting, tmp_path):
    state = tmp_path / "a.state"
    *_, last = inst.learn_style_steps(painting, model, checkpoint=state, should_stop=lambda: True, **SMALL)
    assert (last.step, last.stopped) == (1, True) and state.is_file()
    with pytest.raises(inst.InputError, match="another painting, model or settings"):
        inst.learn_style(painting, model, checkpoint=state, resume=True, seed=9, **SMALL)


def test_learning_neither_sees_nor_changes_the_callers_random_numbers(model, painting):
    torch.manual_seed(1)
    expected = torch.rand(3)
    styles = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        styles.append(inst.learn_style(painting, model, **SMALL))
        if seed == 1:
            assert torch.equal(torch.rand(3), expected)
    assert torch.equal(styles[0].vectors, styles[1].vectors)


def test_what_was_learned_before_the_loss_became_nan_is_there(model, painting, monkeypatch):
    from inst.inversion.train import InversionTraining

    update = InversionTraining.update
    monkeypatch.setattr(
        InversionTraining, "update",
        lambda self, drawn: update(self, drawn._replace(eps=drawn.eps * float("nan")) if self.step == 2 else drawn),
    )  # fmt: skip
    steps = inst.learn_style_steps(painting, model, **SMALL)
    done = [next(steps) for _ in range(3)]
    with pytest.raises(inst.TokenError, match="not a number after 2 steps"):
        next(steps)
    assert done[-1].style().vectors.isfinite().all()


@pytest.mark.parametrize("good_steps", [0, 2])
def test_a_failed_training_leaves_no_style(painting, tmp_path, monkeypatch, capsys, good_steps):
    """What was learned before the loss became NaN is kept aside, where no command takes it for a style."""
    from inst.inversion.train import InversionTraining

    update = InversionTraining.update

    def fail_later(self, drawn):
        if self.step >= good_steps:
            raise inst.TokenError("the loss is not a number")
        return update(self, drawn)

    monkeypatch.setattr(InversionTraining, "update", fail_later)
    output, partial = tmp_path / "a.safetensors", tmp_path / ".unfinished" / "a.safetensors"
    options = [f"{name}={value}" for name, value in SMALL.items()]
    assert main(["train", "--style", str(painting), "--output", str(output), "--device", "cpu", *options]) == 2
    error = capsys.readouterr().err
    assert "the loss is not a number" in error and not output.exists()
    assert partial.is_file() == (good_steps > 0) == (str(partial) in error)
    if good_steps:
        assert load_token(partial).metadata["step"] == good_steps


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_train_step": 3}, "did you mean max_train_steps"),
        ({"learning_rate": 0.0}, "learning-rate=0.0 is out of range"),
        ({"preset": "papr"}, "did you mean paper"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(model, painting, settings, sentence):
    with pytest.raises(inst.ConfigError, match=sentence):
        inst.learn_style_steps(painting, model, **settings)


def test_a_painting_of_one_color_is_learned_with_a_warning(model):
    grey = np.full((64, 64, 3), 128, np.uint8)
    with pytest.warns(inst.InstWarning, match="almost of one colour"):
        inst.learn_style(grey, model, **(SMALL | {"max_train_steps": 1}))

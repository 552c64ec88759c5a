"""The evaluation of edits: scores, controls and upper bounds, and the command from end to end."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.gan_files import write_avatars, write_files

pytest.importorskip("cv2")

from benchmarks.gan_edits.__main__ import main
from benchmarks.gan_edits.cases import BY_NAME, EDIT_CASES, PAIRS
from benchmarks.gan_edits.classifier import AttributeClassifier, load_classifier, save_classifier
from benchmarks.gan_edits.report import Results, percent, report
from benchmarks.gan_edits.runner import CONTROLS, METHODS, EditRunner
from benchmarks.gan_edits.scores import (
    MIN_INCREASE,
    balanced_accuracy,
    pair_success,
    predict,
    score_edit,
    target_probability,
)
from benchmarks.gan_edits.sheets import INPUT, SCALE, compact_sheet
from benchmarks.gan_edits.trial import Trial
from benchmarks.gan_edits.upper_bound import UNTIL_INCREASED, UNTIL_SUCCESS, UPPER_BOUNDS, FittedDirections
from inst import EditSettings, InstError, MapperTrainingSettings, assets, load_generator
from inst.gan.codes import to_rgb_styles
from miniature.avatars import CHOICES, Attributes
from miniature.avatars.data.dataset import AvatarDataset
from miniature.avatars.data.prompts import prompts
from miniature.avatars.data.writer import write_avatars as write_drawings
from miniature.common.resumable import checkpoint_of

GLASSES, BEARD = BY_NAME["glasses"], BY_NAME["beard"]
SMALL = 32
"""Side of the narrow generator's images."""


def certain(**given):
    """Predictions with probability 1 for the given values, one an image; the first value for other attributes."""
    number = len(next(iter(given.values())))
    out = {}
    for name, options in CHOICES.items():
        values = given.get(name, [next(iter(options))] * number)
        out[name] = torch.eye(len(options))[[list(options).index(value) for value in values]]
    return out


def test_cases_request_known_values_and_pairs_are_not_trained():
    assert len(EDIT_CASES) >= 14 and len(BY_NAME) == len(EDIT_CASES) and len(PAIRS) >= 8
    assert all(set(names) <= set(BY_NAME) for names in PAIRS.values())
    assert not set(PAIRS) & set(prompts())
    with pytest.raises(ValueError, match="monocle"):
        replace(GLASSES, values=("monocle",))


def test_success_is_counted_by_avatar_and_preservation_by_other_attribute():
    before = certain(glasses=["none"] * 4, hat=["none", "none", "cap", "cap"])
    after = certain(
        glasses=["round", "square", "none", "sunglasses"], hat=["none", "cap", "cap", "cap"], age=["old"] * 4
    )
    scores = score_edit(GLASSES, before, after, ["glasses", "hat", "age"], seconds=0.5)
    assert (scores.avatars, scores.increased, scores.success, scores.seconds) == (4, 0.75, 0.75, 0.5)
    assert scores.preserved_by_attribute == {"age": 0.0, "hat": 0.75} and scores.preserved == 0.375
    assert not scores.meets_targets
    assert replace(scores, increased=0.9, preserved_by_attribute={"hat": 0.85}).meets_targets
    assert not replace(scores, increased=0.9, preserved_by_attribute={"hat": 0.84}).meets_targets


def test_a_tiny_increase_does_not_count():
    before, after = certain(glasses=["none"] * 2), certain(glasses=["none"] * 2)
    for row, step in enumerate((MIN_INCREASE / 2, 2 * MIN_INCREASE)):
        after["glasses"][row] += torch.tensor([-step, step, 0, 0])
    scores = score_edit(GLASSES, before, after, ["hat"])
    assert scores.increased == 0.5 and scores.success == 0


def test_a_pair_succeeds_only_with_both_attributes():
    after = certain(glasses=["round", "round", "none"], beard=["full", "moustache", "full"])
    assert pair_success((GLASSES, BEARD), after) == pytest.approx(1 / 3)


def test_the_report_lists_met_targets_and_edits_that_cannot_be_evaluated():
    before, after = certain(glasses=["none"]), certain(glasses=["round"])
    results = Results(
        balanced_accuracy={"glasses": 0.9, "beard": 0.5},
        accuracy={"hat": 1.0, "age": 0.4},
        failed=["optimize, 'x': no"],
    )
    full = score_edit(GLASSES, before, after, ["hat"])
    results.scores = {"directions": {"glasses": full, "beard": full}}
    results.pairs = {"directions": {next(iter(PAIRS)): (3, 0.25)}}
    text = report(results, ["a rehearsal"], ["hat"], {"processor": "none"})
    assert results.meeting_targets(results.scores["directions"]) == ["glasses"]
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert rows["glasses"].endswith("| yes |") and rows["beard"].endswith("| not evaluated |")
    assert "| 1 of 2 | no |" in rows["directions"] and "age (40%)" in text and "'x': no" in text and "25%" in text
    assert percent(float("nan")) == "–"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A narrow embedded generator, an untrained classifier and a few drawings."""
    folder = tmp_path_factory.mktemp("edits")
    write_avatars(folder / "assets" / "avatars", write_files(folder / "files"))
    torch.manual_seed(0)
    classifier = AttributeClassifier((8, 8, 8, 8))
    classifier.heads.linear.weight.data.mul_(20)  # confident enough for its predictions to differ and to change
    save_classifier(classifier, folder / "attributes")
    write_drawings(folder / "drawings", 10, 64, seed=3)
    return folder


@pytest.fixture
def embedded(place, monkeypatch):
    monkeypatch.setattr(assets, "FOLDER", place / "assets")
    assets.avatars_folder.cache_clear()
    yield place
    assets.avatars_folder.cache_clear()


def test_balanced_accuracy_is_the_mean_of_drawings_with_and_without_the_attribute():
    people = [Attributes(skin="dark")] * 30 + [Attributes(skin="pale")] + [Attributes(skin="dark")] * 2
    dataset = AvatarDataset(np.zeros((len(people), 1)), people, seed=0)
    assert len(dataset.held_out) == 3
    case = BY_NAME["pale skin"]
    assert balanced_accuracy(case, certain(skin=["pale", "pale", "dark"]), dataset) == (1 + 0.5) / 2
    assert balanced_accuracy(case, certain(skin=["tan", "dark", "dark"]), dataset) == 0.5


def test_every_method_edits_and_synthesizing_again_changes_nothing(embedded, tmp_path):
    session = load_generator(device="cpu", dtype="float32")
    mapper_settings = MapperTrainingSettings(max_train_steps=2, samples=4, validation_samples=2)
    runner = EditRunner(session, EditSettings(steps=3, beta=0.05), tmp_path / "mappers", mapper_settings, batch=3)
    dataset = AvatarDataset.open(embedded / "drawings")
    trial = Trial(runner, load_classifier(embedded / "attributes"), dataset, count=4, min_accuracy=0)
    cases = [BY_NAME[name] for name in ("glasses", "blue hair", "old")]
    sheets = trial.run([*CONTROLS, *METHODS], cases, pairs=True)
    assert set(trial.results.scores) == {*CONTROLS, *METHODS} and trial.evaluated
    for scores in trial.results.scores["no edit"].values():
        assert (scores.increased, scores.success, scores.preserved) == (0, 0, 1)
    for name, images in sheets.items():
        assert list(images) == [INPUT, *METHODS]
        for method in METHODS:
            assert (images[method] - images[INPUT]).abs().mean() > 1e-4, (name, method)
    assert set(trial.results.pairs) == {"directions", "ffclip"}
    had_by_all = [case.text for case in cases if case.name not in sheets]
    assert all(any(repr(text) in line for line in trial.results.failed) for text in had_by_all)
    mappers = {path: path.stat().st_mtime_ns for path in (tmp_path / "mappers").glob("*.safetensors")}
    assert len(mappers) == len(sheets)
    again = runner.mapper(BY_NAME[next(iter(sheets))].text)
    assert mappers[again] == again.stat().st_mtime_ns  # not trained again
    state = checkpoint_of(again)
    state.parent.mkdir(exist_ok=True)
    state.write_bytes(b"state of an interrupted training")
    with pytest.raises(InstError, match="is not a safetensors file"):
        runner.mapper(BY_NAME[next(iter(sheets))].text)  # resumes it instead of using the file that is there


def test_fitted_directions_increase_the_probability_and_stop_when_it_suffices(embedded):
    session = load_generator(device="cpu", dtype="float32")
    runner = EditRunner(session, EditSettings(), embedded / "none", MapperTrainingSettings(), batch=8)
    classifier, case = load_classifier(embedded / "attributes"), BY_NAME["glasses"]
    dataset = AvatarDataset.open(embedded / "drawings")
    trial = Trial(runner, classifier, dataset, count=16, min_accuracy=0, fitted=300)
    before = target_probability(case, trial.before)
    fitted = FittedDirections(runner, classifier, trial.evaluated, 300)
    increase = {}
    for stop in UPPER_BOUNDS:
        images, seconds = fitted.edit(stop, case, trial.codes)
        increase[stop] = target_probability(case, predict(classifier, images)) - before
        assert seconds > 0 and images.shape == trial.images.shape
    assert increase[UNTIL_INCREASED].mean() > 5 * MIN_INCREASE
    assert increase[UNTIL_SUCCESS].mean() > increase[UNTIL_INCREASED].mean()
    direction = fitted._direction(case)
    widths = runner.session.generator.config.style_widths
    assert [bool(step.abs().max()) for step in direction] == [
        i not in to_rgb_styles(len(widths)) for i in range(len(widths))
    ]


def command(place, *methods):
    """Options for three attributes and an upper bound fitted to few avatars."""
    given = [
        "--attributes",
        str(place / "attributes"),
        "--state",
        str(place / "drawings"),
        "--count",
        "3",
        "--min-accuracy",
        "0",
    ]
    return [
        *given,
        "--fitted-samples",
        "40",
        "--methods",
        *methods,
        "--only",
        "glasses",
        "hat",
        "old",
        "--device",
        "cpu",
    ]


def test_the_command_writes_tables_and_sheets(embedded, tmp_path, capsys):
    given = command(embedded, "directions", "ffclip")
    output, sheets = tmp_path / "edits.md", tmp_path / "sheets"
    main([*given, "--measurements", str(tmp_path / "measurements"), "--output", str(output), "--sheets", str(sheets)])
    metadata = json.loads(output.with_suffix(".json").read_text())
    assert set(metadata["scores"]) == {*CONTROLS, *UPPER_BOUNDS, "directions", "ffclip"}
    assert "## ffclip" in output.read_text() and output.read_text() in capsys.readouterr().out + "\n"
    assert (sheets / "all.png").stat().st_size > 1000
    assert {path.stem for path in sheets.iterdir()} == {"all", *metadata["scores"]["directions"]}


def test_measurements_are_cached_and_reused_only_for_the_same_settings(embedded, tmp_path, capsys, monkeypatch):
    given = [*command(embedded, "directions"), "--no-pairs", "--measurements", str(tmp_path / "measurements")]
    main([*given, "--output", str(tmp_path / "one.md")])
    files = sorted((tmp_path / "measurements").iterdir())
    edits, edit = [], EditRunner.edit

    def counted(self, method, text, *rest, **settings):
        edits.append(text)
        return edit(self, method, text, *rest, **settings)

    monkeypatch.setattr(EditRunner, "edit", counted)
    files[0].unlink()
    main([*given, "--resume", "--output", str(tmp_path / "two.md"), "--sheets", str(tmp_path / "sheets")])
    assert len(edits) == 1 and sorted((tmp_path / "measurements").iterdir()) == files
    one, two = (json.loads((tmp_path / f"{name}.json").read_text())["scores"] for name in ("one", "two"))
    for method, attribute in ((m, a) for m in one for a in one[m]):
        times = one[method][attribute].pop("seconds"), two[method][attribute].pop("seconds")
        assert one[method][attribute] == two[method][attribute] and min(times) > 0
    edits.clear()
    main([*given, "--count", "2", "--resume"])
    assert edits  # the measurements for three avatars are not used for two


def test_a_missing_file_is_one_line(embedded, tmp_path, capsys):
    given = ["--attributes", str(embedded / "attributes"), "--state", str(embedded / "drawings")]
    with pytest.raises(SystemExit) as stopped:
        main([*given, "--directions", str(tmp_path / "no.safetensors"), "--methods", "directions", "--count", "1"])
    assert stopped.value.code == 2
    assert "no.safetensors does not exist" in capsys.readouterr().err


def test_all_attributes_fit_one_sheet():
    images = torch.zeros(3, 3, SMALL, SMALL)
    sheets = {name: {INPUT: images, "directions": images} for name in list(BY_NAME)[:10]}
    del sheets["hat"]["directions"]  # an edit that was not possible leaves its cell white
    sheet = compact_sheet(sheets)
    assert sheet.shape[2] > 4 * SMALL * SCALE and sheet.shape[3] > 8 * SMALL * SCALE
    assert predict(AttributeClassifier((8, 8, 8, 8)).eval(), images)["age"].shape == (3, 3)

"""The measurement of edits: what is counted, that doing nothing counts as nothing, and the command from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from support.gan_files import write_avatars, write_files

pytest.importorskip("cv2")

from benchmarks.gan_edits.__main__ import main
from benchmarks.gan_edits.attributes import AttributeReader, load_reader, save_reader
from benchmarks.gan_edits.counts import RISE, chance, count, count_pair, read, read_rightly
from benchmarks.gan_edits.editing import CONTROLS, METHODS, Editing
from benchmarks.gan_edits.fitted import CEILINGS, RISES, SHOWS, FittedDirections
from benchmarks.gan_edits.report import Found, percent, report
from benchmarks.gan_edits.sheets import INPUT, LARGER, compact_sheet
from benchmarks.gan_edits.texts import ASKED, BY_NAME, PAIRS
from benchmarks.gan_edits.trial import Trial
from inst import assets
from inst.commands.common.unfinished import Unfinished
from inst.commands.faces.options import EditRun, MapperRun
from inst.errors import InstError
from inst.gan.codes import to_rgb_styles
from miniature.avatars import CHOICES, Attributes
from miniature.avatars.data import writer as dataset
from miniature.avatars.data.dataset import Crowd
from miniature.avatars.data.prompts import prompts

GLASSES, BEARD = BY_NAME["glasses"], BY_NAME["beard"]
SMALL = 32
"""Side of the narrow generator's pictures."""


def reading(**shares):
    """Of as many pictures as values are given for each choice, all sure; other choices at their first value."""
    number = len(next(iter(shares.values())))
    out = {}
    for name, options in CHOICES.items():
        values = shares.get(name, [next(iter(options))] * number)
        out[name] = torch.eye(len(options))[[list(options).index(value) for value in values]]
    return out


def test_what_is_asked_is_there_to_be_seen_and_pairs_are_new():
    assert len(ASKED) >= 14 and len(BY_NAME) == len(ASKED) and len(PAIRS) >= 8
    assert all(set(names) <= set(BY_NAME) for names in PAIRS.values())
    assert not set(PAIRS) & set(prompts())
    with pytest.raises(ValueError, match="monocle"):
        replace(GLASSES, wanted=("monocle",))


def test_shares_are_of_pictures_and_kept_ones_of_the_other_choices():
    before = reading(glasses=["none"] * 4, hat=["none", "none", "cap", "cap"])
    after = reading(
        glasses=["round", "square", "none", "sunglasses"], hat=["none", "cap", "cap", "cap"], age=["old"] * 4
    )
    counts = count(GLASSES, before, after, ["glasses", "hat", "age"], seconds=0.5)
    assert (counts.avatars, counts.rose, counts.shown, counts.seconds) == (4, 0.75, 0.75, 0.5)
    assert counts.kept_by_head == {"age": 0.0, "hat": 0.75} and counts.kept == 0.375
    assert not counts.reached and replace(counts, rose=0.9, kept_by_head={"hat": 0.85}).reached
    assert not replace(counts, rose=0.9, kept_by_head={"hat": 0.84}).reached


def test_a_little_more_is_no_rise():
    before, after = reading(glasses=["none"] * 2), reading(glasses=["none"] * 2)
    for row, step in enumerate((RISE / 2, 2 * RISE)):
        after["glasses"][row] += torch.tensor([-step, step, 0, 0])
    counts = count(GLASSES, before, after, ["hat"])
    assert counts.rose == 0.5 and counts.shown == 0


def test_both_of_a_pair_are_wanted():
    after = reading(glasses=["round", "round", "none"], beard=["full", "moustache", "full"])
    assert count_pair((GLASSES, BEARD), after) == pytest.approx(1 / 3)


def test_the_report_says_what_was_reached_and_what_cannot_be_judged():
    before, after = reading(glasses=["none"]), reading(glasses=["round"])
    found = Found(told={"glasses": 0.9, "beard": 0.5}, heads={"hat": 1.0, "age": 0.4}, failed=["optimize, 'x': no"])
    whole = count(GLASSES, before, after, ["hat"])
    found.counts = {"directions": {"glasses": whole, "beard": whole}}
    found.pairs = {"directions": {next(iter(PAIRS)): (3, 0.25)}}
    text = report(found, ["a rehearsal"], ["hat"], {"processor": "none"})
    assert found.reached(found.counts["directions"]) == ["glasses"]
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert rows["glasses"].endswith("| yes |") and rows["beard"].endswith("| not judged |")
    assert "| 1 of 2 | no |" in rows["directions"] and "age (40%)" in text and "'x': no" in text and "25%" in text
    assert percent(float("nan")) == "–"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A narrow embedded generator, an untrained classifier and a few drawings."""
    folder = tmp_path_factory.mktemp("edits")
    write_avatars(folder / "assets" / "avatars", write_files(folder / "files"))
    torch.manual_seed(0)
    reader = AttributeReader((8, 8, 8, 8))
    reader.heads.linear.weight.data.mul_(20)  # sure enough for its answers to differ and to change
    save_reader(reader, folder / "attributes")
    dataset.write(folder / "drawings", 10, 64, seed=3)
    return folder


@pytest.fixture
def embedded(place, monkeypatch):
    monkeypatch.setattr(assets, "FOLDER", place / "assets")
    assets.avatars_folder.cache_clear()
    yield place
    assets.avatars_folder.cache_clear()


def test_how_well_drawings_are_told_is_the_mean_of_those_with_and_without():
    people = [Attributes(skin="dark")] * 30 + [Attributes(skin="pale")] + [Attributes(skin="dark")] * 2
    crowd = Crowd(np.zeros((len(people), 1)), people, seed=0)
    assert len(crowd.held) == 3
    asked = BY_NAME["pale skin"]
    assert read_rightly(asked, reading(skin=["pale", "pale", "dark"]), crowd) == (1 + 0.5) / 2
    assert read_rightly(asked, reading(skin=["tan", "dark", "dark"]), crowd) == 0.5


def test_every_method_edits_and_redrawing_changes_nothing(embedded, tmp_path):
    networks: dict[str, Any] = {"device": "cpu", "dtype": "float32"}
    run = EditRun(**networks, steps=3, beta=0.05)
    lesson = MapperRun(**networks, max_train_steps=2, samples=4, validation_samples=2)
    editing = Editing(run, tmp_path / "mappers", lesson, batch=3)
    trial = Trial(editing, load_reader(embedded / "attributes"), Crowd.open(embedded / "drawings"), count=4, well=0)
    asked = [BY_NAME[name] for name in ("glasses", "blue hair", "old")]
    shown = trial.run([*CONTROLS, *METHODS], asked, pairs=True)
    assert set(trial.found.counts) == {*CONTROLS, *METHODS} and trial.judged
    for counts in trial.found.counts["no edit"].values():
        assert (counts.rose, counts.shown, counts.kept) == (0, 0, 1)
    for name, pictures in shown.items():
        assert list(pictures) == [INPUT, *METHODS]
        for method in METHODS:
            assert (pictures[method] - pictures[INPUT]).abs().mean() > 1e-4, (name, method)
    assert set(trial.found.pairs) == {"directions", "ffclip"}
    had_by_all = [one.text for one in asked if one.name not in shown]
    assert all(any(repr(text) in line for line in trial.found.failed) for text in had_by_all)
    mappers = {path: path.stat().st_mtime_ns for path in (tmp_path / "mappers").glob("*.safetensors")}
    assert len(mappers) == len(shown)
    again = editing.mapper(BY_NAME[next(iter(shown))].text)
    assert mappers[again] == again.stat().st_mtime_ns  # kept, not trained again
    state = Unfinished(again).state
    state.parent.mkdir(exist_ok=True)
    state.write_bytes(b"of a training that was stopped")
    with pytest.raises(InstError, match="is not a safetensors file"):
        editing.mapper(BY_NAME[next(iter(shown))].text)  # goes on with it, and does not take what is there for done


def test_directions_fitted_to_the_judge_go_where_it_says_and_stop_there(embedded):
    networks: dict[str, Any] = {"device": "cpu", "dtype": "float32"}
    editing = Editing(EditRun(**networks), embedded / "none", MapperRun(**networks), batch=8)
    reader, asked = load_reader(embedded / "attributes"), BY_NAME["glasses"]
    trial = Trial(editing, reader, Crowd.open(embedded / "drawings"), count=16, well=0, fitted=300)
    before = chance(asked, trial.before)
    fitted = FittedDirections(editing, reader, trial.judged, 300)
    rose = {}
    for how in CEILINGS:
        pictures, seconds = fitted.edit(how, asked, trial.codes)
        rose[how] = chance(asked, read(reader, pictures)) - before
        assert seconds > 0 and pictures.shape == trial.pictures.shape
    assert rose[RISES].mean() > 5 * RISE
    assert rose[SHOWS].mean() > rose[RISES].mean()
    direction = fitted._direction(asked)
    widths = editing.session.generator.config.style_widths
    assert [bool(step.abs().max()) for step in direction] == [
        i not in to_rgb_styles(len(widths)) for i in range(len(widths))
    ]


def command(place, *methods):
    """The command for three attributes, its ceiling fitted to few."""
    given = [
        "--attributes",
        str(place / "attributes"),
        "--state",
        str(place / "drawings"),
        "--count",
        "3",
        "--well",
        "0",
    ]
    return [*given, "--fitted", "40", "--methods", *methods, "--only", "glasses", "hat", "old", "--device", "cpu"]


def test_the_command_writes_tables_and_sheets(embedded, tmp_path, capsys):
    given = command(embedded, "directions", "ffclip")
    output, sheets = tmp_path / "edits.md", tmp_path / "sheets"
    main([*given, "--kept", str(tmp_path / "kept"), "--output", str(output), "--sheets", str(sheets)])
    metadata = json.loads(output.with_suffix(".json").read_text())
    assert set(metadata["counts"]) == {*CONTROLS, *CEILINGS, "directions", "ffclip"}
    assert "## ffclip" in output.read_text() and output.read_text() in capsys.readouterr().out + "\n"
    assert (sheets / "all.png").stat().st_size > 1000
    assert {path.stem for path in sheets.iterdir()} == {"all", *metadata["counts"]["directions"]}


def test_what_was_measured_is_kept_and_taken_where_it_fits(embedded, tmp_path, capsys, monkeypatch):
    given = [*command(embedded, "directions"), "--no-pairs", "--kept", str(tmp_path / "kept")]
    main([*given, "--output", str(tmp_path / "one.md")])
    there = sorted((tmp_path / "kept").iterdir())
    edits, edit = [], Editing.edit

    def counted(self, method, text, *rest, **settings):
        edits.append(text)
        return edit(self, method, text, *rest, **settings)

    monkeypatch.setattr(Editing, "edit", counted)
    there[0].unlink()
    main([*given, "--resume", "--output", str(tmp_path / "two.md"), "--sheets", str(tmp_path / "sheets")])
    assert len(edits) == 1 and sorted((tmp_path / "kept").iterdir()) == there
    one, two = (json.loads((tmp_path / f"{name}.json").read_text())["counts"] for name in ("one", "two"))
    for method, attribute in ((m, a) for m in one for a in one[m]):
        times = one[method][attribute].pop("seconds"), two[method][attribute].pop("seconds")
        assert one[method][attribute] == two[method][attribute] and min(times) > 0
    edits.clear()
    main([*given, "--count", "2", "--resume"])
    assert edits  # what three avatars came to is not two avatars'


def test_a_missing_file_is_one_line(embedded, tmp_path, capsys):
    given = ["--attributes", str(embedded / "attributes"), "--state", str(embedded / "drawings")]
    with pytest.raises(SystemExit) as stopped:
        main([*given, "--directions", str(tmp_path / "no.safetensors"), "--methods", "directions", "--count", "1"])
    assert stopped.value.code == 2
    assert "no.safetensors does not exist" in capsys.readouterr().err


def test_all_attributes_fit_one_sheet():
    pictures = torch.zeros(3, 3, SMALL, SMALL)
    shown = {name: {INPUT: pictures, "directions": pictures} for name in list(BY_NAME)[:10]}
    del shown["hat"]["directions"]  # an edit that could not be made leaves its place white
    sheet = compact_sheet(shown)
    assert sheet.shape[2] > 4 * SMALL * LARGER and sheet.shape[3] > 8 * SMALL * LARGER
    assert read(AttributeReader((8, 8, 8, 8)).eval(), pictures)["age"].shape == (3, 3)

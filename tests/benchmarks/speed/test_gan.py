"""The benchmark of face editing: both formulations compute the same functions; its table."""

from __future__ import annotations

import itertools
from dataclasses import asdict

import pytest
import torch
from torch.testing import assert_close

pytest.importorskip("cv2")

from benchmarks.speed.gan import LABELS, lines, report, tasks
from benchmarks.speed.gan import _parse as parse
from benchmarks.speed.stylegan2.cases import ALPHA, BETA, CASES, MAPPER, NEUTRAL, OPTIMIZE, TEXT, Setup, Task, measure
from inst.gan.editor import DirectionsEditor, synthesis_fn
from inst.gan.losses import ClipView
from inst.gan.styleclip.optimize import optimize_latents
from inst.gan.styleclip.relevance import RelevanceSettings, channel_directions, channel_relevance
from inst.gan.styleclip.train_mapper import MapperLoss, train_mapper


def task(case: str = "edit", implementation: str = "reference") -> Task:
    return Task(case=case, implementation=implementation, size="tiny", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def setup() -> Setup:
    torch.set_num_threads(1)
    return Setup(task())


@pytest.mark.parametrize("form", ["scaled", "grouped"])
def test_both_synthesize_the_same_images(setup: Setup, form, monkeypatch):
    generator, codes = setup.networks.generator, setup.codes(3)
    monkeypatch.setattr(generator, "form", form)
    images = setup.reference.synthesize_w_plus(codes)
    assert images.std() > 0.1 and images.abs().max() < 1
    assert_close(generator(codes), images, atol=1e-4, rtol=1e-4)


def test_both_optimise_to_the_same_codes(setup: Setup):
    networks, codes = setup.networks, setup.codes(1)
    settings = OPTIMIZE.__class__(steps=5, identity_weight=OPTIMIZE.identity_weight)
    expected = list(setup.reference.optimize(codes, TEXT, settings))
    view = ClipView(networks.clip)
    texts, draw = view.embed_text([TEXT]), synthesis_fn(networks.generator)
    steps = optimize_latents([codes], texts, draw, view, settings, arcface=networks.arcface)
    assert (expected[-1] - codes).abs().mean() > 0.05
    for step, code in zip(steps, expected, strict=True):
        assert_close(step.clip, setup.reference.distance(step.image, TEXT), atol=1e-5, rtol=1e-5)
        # on average: where a gradient is almost 0, Adam amplifies differences in its last digits
        assert (step.codes[0] - code).abs().mean() < 1e-3


def test_both_train_the_same_mapper(setup: Setup):
    networks, codes = setup.networks, setup.codes(2)
    view = ClipView(networks.clip)
    loss = MapperLoss(view.embed_text([TEXT]), synthesis_fn(networks.generator), view, MAPPER, networks.arcface)
    (ours, optimizer), (theirs, other) = setup.mapper(), setup.mapper()
    for losses in itertools.islice(train_mapper(ours, loss, itertools.repeat([codes]), optimizer), 3):
        expected = setup.reference.mapper_step(theirs, other, codes, TEXT, MAPPER)
        assert float(losses.total) == pytest.approx(expected, abs=1e-5)
    for (name, one), (_, two) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert_close(one, two, atol=1e-3, rtol=1e-3, msg=name)


def test_both_make_the_same_edit(setup: Setup):
    relevance, statistics = setup.directions()
    codes = setup.codes(2)
    given = (relevance, statistics.stds, (TEXT, NEUTRAL), (ALPHA, BETA))
    expected = torch.cat([setup.reference.edit(code, *given) for code in codes.split(1)])
    networks = setup.networks
    editor = DirectionsEditor(networks.generator, networks.clip, relevance, statistics, NEUTRAL, ALPHA, BETA)
    assert (expected - setup.reference.synthesize_w_plus(codes)).abs().mean() > 0.01
    assert_close(synthesis_fn(networks.generator)(editor.edit(codes, TEXT)), expected, atol=1e-3, rtol=1e-3)


def test_both_measure_the_same_channel_relevance(setup: Setup):
    """The reference rounds to 8 bits once more than inst does."""
    networks, (_, statistics) = setup.networks, setup.directions()
    styles = networks.generator.styles(setup.codes(1))
    settings = RelevanceSettings(mode="reference", strength=20.0, batch_size=2)
    embed = networks.clip.embed_images
    (row,) = channel_relevance(styles, statistics, synthesis_fn(networks.generator), embed, settings, only={0})
    at_mean = [style.clone() for style in styles]
    at_mean[0][:, 0] = statistics.means[0][0]
    step = settings.strength * float(statistics.stds[0][0])
    pair = torch.cat(list(setup.reference.relevance_embeddings(at_mean, (0, 0), step)))
    assert float(row.direction @ channel_directions(pair[None, None])[0]) > 0.98


@pytest.mark.parametrize(("case", "side"), itertools.product(CASES, ("reference", "inst")))
def test_every_line_is_measured(case: str, side: str):
    measured = measure(task(case, side))
    assert all(seconds > 0 for seconds in measured["seconds"].values())
    assert measured["memory"] > 0
    assert set(measured["seconds"]) & {"step", "image"}


def test_lines_compare_inst_with_the_reference():
    selected = tasks(parse(["--sizes", "1024", "--only", "optimize", "edit", "--device", "cpu"]))
    assert [(one.case, one.implementation) for one in selected] == [
        (case, side) for case in ("optimize", "edit") for side in ("reference", "inst")
    ]
    seconds = [{"step": 30.0}, {"step": 6.0}, {"image": 8.0}, {"image": 2.0, "text": 1.5}]
    memory = [12 * 2**30, 4 * 2**30, 3 * 2**30, 3 * 2**30]
    results = [
        {"seconds": s, "memory": m, "task": asdict(one)} for s, m, one in zip(seconds, memory, selected, strict=True)
    ]
    cells = [line.cells() for line in lines(results)]
    assert [row[2:] for row in cells] == [
        ["1", "12.0 GiB", "1"], ["5.0×", "4.0 GiB", "0.33"], ["1", "3.0 GiB", "1"], ["4.0×", "3.0 GiB", "1.00"]
    ]  # fmt: skip
    assert cells[1][0] == f"1024 px: {LABELS['optimize']}, inst" and cells[3][0].endswith("inst, batch 4")
    text = report(results, {"processor": "none"}, "a quick trial", 60.0)
    assert "4.00 GiB; target of less than 7.45 GiB (8 GB) met." in text and "in 1.50 s" in text
    results[1]["memory"] = 8 * 2**30
    assert "missed." in report(results, {}, "a quick trial", 60.0)

"""The benchmark at Stable Diffusion 1.5's size, run with narrow networks, and its calculations."""

from pathlib import Path

import pytest
import torch

from benchmarks.speed.diffusion.cases import CASES, Task, measure, steps_run
from benchmarks.speed.diffusion.networks import tiny_size
from benchmarks.speed.diffusion.reference import Reference
from benchmarks.speed.diffusion.toolkit import write_model
from benchmarks.speed.real_size import lines, report, stylization_seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    write_model(path, tiny_size(), torch.float32)
    return path


@pytest.mark.parametrize("case", CASES)
def test_every_case_measures_a_narrow_model(case: str, folder: Path):
    measured = measure(Task(case=case, device="cpu", dtype="float32", tiny=True, steps=1, folder=str(folder)))
    assert "step" in measured["seconds"]
    assert all(seconds > 0 for name, seconds in measured["seconds"].items() if name != "other")
    assert measured["memory"] > 0


def test_a_complete_stylization_is_timed_as_a_whole(folder: Path):
    task = Task(case="stylize-inst", device="cpu", dtype="float32", tiny=True, num_steps=4, folder=str(folder))
    assert set(measure(task)["seconds"]) == {"whole"}


def test_the_reference_trains_only_its_module():
    reference = Reference(tiny_size(), torch.device("cpu"))
    before = [parameter.clone() for parameter in reference.module.parameters()]
    reference.training_step(torch.rand(1, 3, 64, 64) * 2 - 1)
    after = list(reference.module.parameters())
    assert any(not torch.equal(x, y) for x, y in zip(before, after, strict=True))
    frozen = (reference.unet, reference.vae, reference.text, reference.clip)
    assert not any(parameter.requires_grad for network in frozen for parameter in network.parameters())


def test_the_reference_takes_thirty_steps():
    reference = Reference(tiny_size(), torch.device("cpu"))
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    parts = [name for name, _ in reference.stylize(image, image)]
    assert parts == ["encode", "prompt", "inversion", *["step"] * 30, "decode"]


def test_a_stylization_is_extrapolated_from_timed_steps():
    seconds = {"encode": 1.0, "prompt": 0.5, "inversion": 2.0, "step": 4.0, "decode": 3.0}
    assert steps_run(50) == 30
    assert stylization_seconds(seconds, 30) == pytest.approx(126.5)
    assert stylization_seconds({"whole": 7.0}, 30) == 7.0


def test_lines_compare_with_the_release():
    parts = {"encode": 1.0, "prompt": 0.0, "inversion": 1.0, "decode": 1.0}
    results = {
        "train-reference": {"seconds": {"step": 30.0}, "memory": 12 * 2**30},
        "train-inst": {"seconds": {"step": 6.0, "once": 9.0}, "memory": 4 * 2**30},
        "stylize-reference": {"seconds": parts | {"step": 20.0}, "memory": 12 * 2**30},
        "stylize-inst": {"seconds": parts | {"step": 4.0}, "memory": 3 * 2**30},
    }
    cells = [line.cells() for line in lines(results, 1)]
    assert cells[1][1:] == ["6.0 s", "5.0×", "4.0 GiB", "0.33"]
    assert cells[3][1:3] == ["123.0 s", "4.9×"]
    assert [row[0] for row in cells[4:]] == [
        "stylization, inst, dpm++, 12 of 20 steps",
        "stylization, inst, unipc, 12 of 20 steps",
        "stylization, inst, unipc, 6 of 10 steps",
    ]
    text = report(results, {"processor": "none"}, 2, 1, "a size", 60.0)
    assert "2 denoising steps" in text
    assert "| training step, inst | 6.0 s | 5.0× | 4.0 GiB | 0.33 |" in text

"""The weighted average of a run and the run that it was started from."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

pytest.importorskip("cv2")

from experiments.weight_average import AVERAGED, average
from inst.files import sha256


def write(path: Path, **tensors: torch.Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    for name in AVERAGED:
        write(folder / name, a=torch.tensor([0.0, 4.0]).half(), b=torch.ones(2, 2).half())
    write(folder / "vae" / "weights.safetensors", a=torch.zeros(3))
    write(folder / "styles" / "night.safetensors", a=torch.zeros(1))
    (folder / "inst.json").write_text("{}")
    return folder


@pytest.fixture
def second(first: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "second"
    shutil.copytree(first, folder)
    for name in AVERAGED:
        write(folder / name, a=torch.tensor([1.0, 8.0]).half(), b=torch.ones(2, 2).half())
    return folder


def test_weights_are_interpolated_by_the_share(first: Path, second: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "MODEL_CARD.md").write_text("kept")
    average(first, second, 0.25, out)
    for name in AVERAGED:
        mixed = load_file(out / name)
        assert mixed["a"].tolist() == [0.25, 5.0]
        assert mixed["a"].dtype == torch.float16
        assert mixed["b"].tolist() == [[1, 1], [1, 1]]
    assert sha256(out / "vae" / "weights.safetensors") == sha256(first / "vae" / "weights.safetensors")
    assert not (out / "styles").exists()  # learned on other weights
    assert (out / "MODEL_CARD.md").read_text() == "kept"
    sums = json.loads((out / "manifest.json").read_text())
    assert sums == {name: sha256(out / name) for name in sums}
    assert {name.as_posix() for name in AVERAGED} < set(sums)


@pytest.mark.parametrize(("share", "end"), [(0, 0), (1, 1)])
def test_shares_0_and_1_are_the_runs_themselves(first: Path, second: Path, tmp_path: Path, share: float, end: int):
    average(first, second, share, tmp_path / "out")
    for name in AVERAGED:
        assert sha256(tmp_path / "out" / name) == sha256((first, second)[end] / name)


def other_shape(second: Path) -> None:
    write(second / AVERAGED[0], a=torch.zeros(3).half(), b=torch.ones(2, 2).half())


def other_autoencoder(second: Path) -> None:
    write(second / "vae" / "weights.safetensors", a=torch.ones(3))


def missing(second: Path) -> None:
    (second / AVERAGED[1]).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [(other_shape, "unet"), (other_autoencoder, "vae"), (missing, "has no inversion")],
)
def test_a_run_that_was_not_started_from_the_first_is_rejected(
    first: Path, second: Path, tmp_path: Path, change, message
):
    change(second)
    with pytest.raises(SystemExit, match=message):
        average(first, second, 0.5, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_share_outside_0_to_1_is_rejected(first: Path, second: Path, tmp_path: Path):
    with pytest.raises(SystemExit, match=r"--share is 1\.5"):
        average(first, second, 1.5, tmp_path / "out")

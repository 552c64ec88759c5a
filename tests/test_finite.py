"""NaN and infinite values are found where they first appear, and no black picture is written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from safetensors.torch import load_file, save_file
from support.narrow import narrow_models, write_folder

import inst
from inst.cli import main
from inst.errors import ModelError
from inst.finite import check_values, check_weights, is_finite

SMALL = ["--steps", "2", "--height", "64", "--width", "64", "--device", "cpu", "--dtype", "float32"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_bad_value_is_enough(bad):
    values = torch.zeros(100)
    assert is_finite(values) and is_finite(torch.zeros(0)) and is_finite(torch.ones(2, dtype=torch.long))
    values[37] = bad
    assert not is_finite(values)
    with pytest.raises(ModelError, match="the sum contains NaN"):
        check_values(values, "the sum")
    network = torch.nn.Linear(2, 2)
    check_weights(network, "network")
    network.bias.data[0] = bad
    with pytest.raises(ModelError, match=r"the network contains NaN or infinite values \(in bias\)"):
        check_weights(network, "network")


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "U-Net"),
        ("vae/diffusion_pytorch_model.safetensors", "autoencoder"),
        ("text_encoder/model.safetensors", "text encoder"),
    ],
)
def test_a_network_with_a_single_nan_is_named(tmp_path, monkeypatch, capsys, file, named):
    monkeypatch.chdir(tmp_path)
    write_folder(Path("sd"), narrow_models("v1"))
    weights = load_file(f"sd/{file}")
    name = max(weights, key=lambda key: weights[key].numel())
    weights[name].view(-1)[5] = float("nan")
    save_file(weights, f"sd/{file}")
    capsys.readouterr()
    assert main(["generate", "a house", "--model", "sd", *SMALL]) == 2
    error = capsys.readouterr().err
    assert f"the {named} contains NaN" in error and error.strip().count("\n") == 0
    assert not Path("outputs").exists()


def test_a_step_that_overflows_is_named_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    """A guidance that no float bears, on weights that are sound."""
    monkeypatch.chdir(tmp_path)
    model = inst.load_model(device="cpu", dtype="float32")
    huge = inst.load_style("night").vectors
    style = inst.StyleToken(name="huge", vectors=torch.full_like(huge, 3e38))
    monkeypatch.setattr(inst.Session, "check", lambda *_: None)
    photo = PilImage.fromarray(np.full((64, 64, 3), 128, np.uint8))
    with pytest.raises(ModelError, match=r"step 1 of 1 on mini|the picture"):
        inst.stylize(photo, style, model=model, num_steps=2, strength=0.5, resolution=64, transport=0.0)

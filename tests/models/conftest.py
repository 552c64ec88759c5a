"""Narrow models of both families, each as a folder, an LDM safetensors file and a Lightning .ckpt."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from support.ldm import ldm_weights
from support.narrow import Narrow, narrow_models, write_folder

from inst.files import write_safetensors
from inst.models.load import load
from inst.models.source import parse_source
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


class Forms(NamedTuple):
    models: Narrow
    folder: Path
    safetensors: Path
    ckpt: Path


def write_forms(root: Path, family) -> Forms:
    models = narrow_models(family)
    folder = write_folder(root / "folder", models, family)
    weights = ldm_weights(*models, open_clip=family != "v1")
    write_safetensors(root / "model.safetensors", weights, {})
    lightning_checkpoint(root / "model.ckpt", weights)
    return Forms(models, folder, root / "model.safetensors", root / "model.ckpt")


def lightning_checkpoint(path: Path, weights) -> None:
    """As pytorch_lightning saved them: the weights among an optimiser and a live callback of a class we do not have."""
    names = ["pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint"]
    modules = {name: types.ModuleType(name) for name in names}
    callback = type("ModelCheckpoint", (), {"__module__": names[-1]})
    modules[names[-1]].ModelCheckpoint = callback
    state = callback()
    state.best_model_path = "runs/last.ckpt"
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        torch.save({"epoch": 3, "state_dict": weights, "callbacks": {callback: state}, "lr_schedulers": []}, path)


@pytest.fixture(scope="session")
def v1(tmp_path_factory) -> Forms:
    return write_forms(tmp_path_factory.mktemp("v1"), "v1")


@pytest.fixture(scope="session")
def v2(tmp_path_factory) -> Forms:
    return write_forms(tmp_path_factory.mktemp("v2"), "v2")


@pytest.fixture(scope="session")
def model(v1):
    return load(parse_source(str(v1.folder)), CPU)

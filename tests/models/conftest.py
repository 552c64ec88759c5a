"""Narrow models of both families, each as a diffusers folder, an LDM safetensors file and a Lightning .ckpt."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from support.ldm import ldm_weights, write_lightning_checkpoint
from support.narrow import Narrow, narrow_models, write_folder

from inst.files import write_safetensors
from inst.models.load import load
from inst.models.source import parse_source
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


class Forms(NamedTuple):
    """The same models in three file formats."""

    models: Narrow
    folder: Path
    safetensors: Path
    ckpt: Path


def write_forms(root: Path, family) -> Forms:
    models = narrow_models(family)
    folder = write_folder(root / "folder", models, family)
    weights = ldm_weights(*models, open_clip=family != "v1")
    write_safetensors(root / "model.safetensors", weights, {})
    write_lightning_checkpoint(root / "model.ckpt", weights)
    return Forms(models, folder, root / "model.safetensors", root / "model.ckpt")


@pytest.fixture(scope="session")
def v1(tmp_path_factory) -> Forms:
    return write_forms(tmp_path_factory.mktemp("v1"), "v1")


@pytest.fixture(scope="session")
def v2(tmp_path_factory) -> Forms:
    return write_forms(tmp_path_factory.mktemp("v2"), "v2")


@pytest.fixture(scope="session")
def model(v1):
    return load(parse_source(str(v1.folder)), CPU)

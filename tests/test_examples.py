"""The examples in the docstrings of the lower layers run. Those of the public API are tested with it."""

import doctest
import importlib
from pathlib import Path

import pytest

import inst

ROOT = Path(inst.__file__).parent
HIGHER_LAYERS = ("__init__.py", "cli", "commands", "diffusers.py", "pipelines")
MODULES = sorted(
    ".".join(("inst", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if path.relative_to(ROOT).parts[0] not in HIGHER_LAYERS and ">>> " in path.read_text(encoding="utf-8")
)


def test_there_are_examples():
    assert {"inst.clip", "inst.image", "inst.metrics", "inst.diffusion.solvers"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testmod(importlib.import_module(name), report=True)
    assert attempted > 0
    assert failed == 0, f"{name}: {failed} of {attempted} examples failed; see the output"

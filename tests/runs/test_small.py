"""Names and specs: the small decisions of a run."""

from pathlib import Path

import pytest

from inst import assets
from inst.commands.common.outputs import claim, free_path, is_picture_path, safe_name
from inst.commands.diffusion.styles import parse_spec
from inst.errors import ConfigError, InputError


def test_nothing_is_written_over_unasked(tmp_path):
    path = tmp_path / "a.png"
    assert free_path(path) == path
    path.touch()
    (tmp_path / "a-2.png").touch()
    assert free_path(path) == tmp_path / "a-3.png"
    with pytest.raises(InputError, match="--overwrite"):
        claim(path, overwrite=False)
    assert claim(path, overwrite=True) == path


@pytest.mark.parametrize(("text", "name"), [("Starry Night!", "Starry_Night"), ("[C]", "C"), ("é", "style")])
def test_names_are_plain(text, name):
    assert safe_name(text) == name


def test_outputs_are_pictures_or_folders(tmp_path):
    assert is_picture_path(Path("a.PNG")) and not is_picture_path(Path("out")) and not is_picture_path(Path("v1.0"))
    with pytest.raises(InputError, match=r"ends in \.bmp"):
        is_picture_path(Path("a.bmp"))
    (tmp_path / "a.png").mkdir()
    assert not is_picture_path(tmp_path / "a.png")


def test_style_specs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.safetensors", "odd=name:0.5"):
        Path(name).touch()
    assert parse_spec("a.safetensors").weight == 1.0
    assert parse_spec("a.safetensors:0.3").weight == 0.3
    named = parse_spec("sea=a.safetensors:0.3")
    assert (named.placeholder, named.weight, named.path) == ("[sea]", 0.3, Path("a.safetensors"))
    assert parse_spec("odd=name:0.5").path == Path("odd=name:0.5")  # a file of that very name wins
    for wrong in ("nan", "3", "-1", "x"):
        with pytest.raises(ConfigError, match="from 0 to 2"):
            parse_spec(f"a.safetensors:{wrong}")
    with pytest.raises(InputError, match="there is no file"):
        parse_spec("none.safetensors:0.5")


def test_a_style_may_be_named_as_it_was_learned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = parse_spec("night:0.7")
    assert shipped.path.is_file() and shipped.path.is_relative_to(assets.FOLDER) and shipped.weight == 0.7
    Path("styles").mkdir()
    Path("styles/night.safetensors").touch()
    assert parse_spec("sky=night").path == Path("styles/night.safetensors"), "one's own goes before the shipped"
    with pytest.raises(InputError, match=r"no style of that name \(did you mean night\?\)"):
        parse_spec("nigth")
    Path("harbour").mkdir()  # a folder of that name is no style
    assert parse_spec("harbour").path.name == "harbour.safetensors"

"""Names and specs: the small decisions of a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inst import assets
from inst.commands.common.claims import Claims, check_output
from inst.commands.common.outputs import is_picture_path
from inst.commands.diffusion.styles import parse_spec
from inst.errors import ConfigError, InputError
from inst.names import folded, safe_name, shortened

ROOT = Path(__file__).parents[2]


def test_nothing_is_written_over_unasked(tmp_path):
    path = tmp_path / "a.png"
    path.touch()
    (tmp_path / "a-2.png").touch()
    with Claims() as claims:
        assert claims.free(path) == tmp_path / "a-3.png"
        with pytest.raises(InputError, match="--overwrite"):
            claims.exact(path)
    with Claims(overwrite=True) as claims:
        assert claims.exact(path) == path
    with pytest.raises(InputError, match="--overwrite"):
        check_output(path, overwrite=False)
    assert check_output(path, overwrite=False, replace=True) == path


def test_an_output_belongs_to_one_run_until_it_ends(tmp_path):
    path = tmp_path / "new" / "a.png"
    with Claims() as one, Claims() as other:
        assert one.free(path) == path
        assert other.free(path) == path.with_name("a-2.png")
        with pytest.raises(InputError, match="another run"):
            other.exact(path)
    assert not path.parent.exists(), "a run that writes nothing leaves nothing"
    with Claims() as later:
        assert later.exact(path) == path


def test_a_killed_run_gives_its_outputs_free(tmp_path):
    code = (
        "import os, sys, pathlib; from inst.commands.common.claims import Claims\n"
        "Claims().exact(pathlib.Path('a.png')); print('held', flush=True); os.kill(os.getpid(), 9)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert process.stdout.strip() == "held"
    with Claims() as claims:
        assert claims.exact(tmp_path / "a.png") == tmp_path / "a.png"


def test_inputs_are_never_outputs_not_even_by_another_name(tmp_path):
    photo, link = tmp_path / "photo.png", tmp_path / "link.png"
    photo.touch()
    link.symlink_to(photo)
    with Claims([photo], overwrite=True) as claims:
        for path in (photo, link, tmp_path / "x" / ".." / "photo.png"):
            with pytest.raises(InputError, match="is read by this run"):
                claims.exact(path)
        assert claims.free(photo) == tmp_path / "photo-2.png"


def test_names_that_some_file_systems_confuse_are_distinct(tmp_path):
    with Claims() as claims:
        names = [claims.free(tmp_path / name).name for name in ("Straße.png", "STRASSE.png", "é.png", "e\u0301.png")]
    assert len({folded(name) for name in names}) == 4


@pytest.mark.parametrize("place", ["/sys/kernel/a.png", "/proc/none/a.png", "folder", "x" * 300 + ".png"])
def test_a_place_that_cannot_be_written_is_found_at_once(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for check in (lambda path: Claims().exact(path), lambda path: check_output(path, overwrite=False)):
        with pytest.raises(InputError):
            check(Path(place))


@pytest.mark.parametrize(
    ("text", "name"),
    [("Starry Night!", "Starry_Night"), ("[C]", "C"), ("é", "é"), ("星空", "星空"), ("!?", "style"), ("con", "con_")],
)
def test_names_keep_the_letters_of_every_script(text, name):
    assert safe_name(text) == name


def test_long_names_are_shortened_and_stay_different():
    one, other = (shortened("照" * 100 + letter + ".png") for letter in "ab")
    assert one != other and one.endswith(".png") and len(one.encode()) <= 200


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

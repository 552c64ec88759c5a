"""The embedded models: complete, undamaged, small enough, and consistent with their styles."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

import inst
from inst import assets
from inst.cli import main
from inst.diffusion.transport import patch_distribution
from inst.errors import ModelError
from inst.image import read_image
from inst.inversion.prepare import encode_painting, model_defaults
from inst.inversion.settings import InversionSettings, resolve
from inst.inversion.token import load_token

PAINTINGS = Path(__file__).parent.parent / "style_images"


def test_every_file_has_the_checksum_in_the_manifest():
    folder = assets.mini_folder()
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    weights = {name for name in files if name.endswith(".safetensors") and not name.startswith("styles/")}
    assert weights and weights <= manifest.keys() <= files
    for name, digest in manifest.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_a_damaged_file_is_named_in_the_error(tmp_path, monkeypatch):
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "weights").write_bytes(b"other")
    (tmp_path / "mini" / "manifest.json").write_text(json.dumps({"weights": hashlib.sha256(b"these").hexdigest()}))
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    assets.mini_folder.cache_clear()
    try:
        with pytest.raises(ModelError, match="weights of the embedded miniature is damaged"):
            assets.mini_folder()
    finally:
        monkeypatch.undo()
        assets.mini_folder.cache_clear()


def test_the_miniature_is_small_enough_to_clone():
    files = [path for path in (assets.FOLDER / "mini").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 42e6


def test_every_bundled_style_was_learned_with_these_weights():
    session = inst.load_model(dtype="float32", device="cpu")
    styles = sorted((assets.mini_folder() / "styles").glob("*.safetensors"))
    assert len(styles) >= 3
    for path in styles:
        token = load_token(path)
        assert token.metadata["model_hash"] == session.model.revision_hash, path.name
        session.check(token)


def test_patches_of_bundled_styles_are_those_of_their_paintings():
    """This also verifies that the rotations used on this machine are those of the files."""
    session = inst.load_model(dtype="float32", device="cpu")
    settings = resolve(InversionSettings(flip=False), model_defaults(session.model))
    styles = sorted((assets.mini_folder() / "styles").glob("*.safetensors"))
    assert len(styles) >= 3
    for path in styles:
        painting = read_image(PAINTINGS / f"{path.stem}.jpg").image
        with torch.no_grad():
            own = patch_distribution(encode_painting(session.model, painting, settings))
        kept = load_token(path).patches
        assert kept is not None
        assert (kept.float() - own).abs().mean() < 0.02 * own.abs().mean(), path.name


@pytest.mark.skipif(not (assets.FOLDER / "avatars" / "manifest.json").is_file(), reason="this copy has no avatars")
def test_the_avatars_are_complete_small_and_can_be_edited(tmp_path, capsys):
    folder = assets.avatars_folder()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    listed = set(json.loads((folder / "manifest.json").read_text()))
    assert listed == set(files) - {"manifest.json", "MODEL_CARD.md"}
    assert sum(path.stat().st_size for path in files.values()) <= 18e6
    for method in ("directions", "ffclip"):
        first, second = tmp_path / f"{method}.png", tmp_path / f"again-{method}.png"
        command = ["edit", "--text", "a face with blue hair", "--method", method, "--device", "cpu"]
        assert main([*command, "--output", str(first)]) == 0
        assert main(["edit", str(first), *command[1:], "--output", str(second)]) == 0
        edited, again = (read_image(path, min_side=1).image for path in (first, second))
        assert edited.shape == again.shape and not torch.equal(edited, again)

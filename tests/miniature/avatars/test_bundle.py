"""The folder of the embedded generator: built from its trained parts, and rebuilt only where they changed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.gan_files import CONFIG, bounded_generator, write_avatars, write_files

pytest.importorskip("cv2")

from inst import ModelError, assets, load_generator
from inst.gan.checkpoints import save_generator
from miniature.avatars import CHOICES
from miniature.avatars.bundle import BundleRecipe, bundle
from miniature.avatars.data.prompts import prompts

QUICK = BundleRecipe(samples=1, statistics=50, ffclip_steps=2, ffclip_batch=2, ffclip_codes=4, examples=(3, 5))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("narrow")
    exports = write_avatars(folder / "exports", write_files(folder / "files"))
    for name in ("directions.safetensors", "ffclip.safetensors", "examples.safetensors", "manifest.json"):
        (exports / name).unlink()
    return exports


def test_the_folder_is_built_works_and_is_not_rebuilt(parts, tmp_path, monkeypatch, capsys):
    state, out = tmp_path / "state", tmp_path / "assets" / "avatars"
    bundle(state, parts, out, QUICK, "cpu")
    assert {"glasses", "hat", "blue", "beard"} < set((out / "words.txt").read_text().split())
    prepared = {path.name: path.stat().st_mtime_ns for path in (state / "bundle").glob("*-*.safetensors")}
    assert len(prepared) == 2
    assert load_file(out / "examples.safetensors")["w_plus"].shape == (2, CONFIG.num_layers, CONFIG.w_width)
    card = (out / "MODEL_CARD.md").read_text()
    assert "{" not in card and f"{CONFIG.resolution} px" in card
    everything = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert set(json.loads((out / "manifest.json").read_text())) == everything - {"manifest.json", "MODEL_CARD.md"}
    assert not any(str(tmp_path).encode() in p.read_bytes() for p in out.rglob("*") if p.is_file())

    assets.mini_folder()  # its path is cached, so that the other CLIP stays available
    monkeypatch.setattr(assets, "FOLDER", out.parent)
    assets.avatars_folder.cache_clear()
    try:
        text, compute = "a face with glasses", {"device": "cpu", "dtype": "float32"}
        faces = load_generator(**compute)
        codes = faces.load_latents("avatars")[:1]
        for edited in (faces.edit(codes, text, beta=0.01), faces.edit(codes, text, method="ffclip")):
            (picture,) = faces.synthesize(edited)
            assert picture.size == (CONFIG.resolution, CONFIG.resolution)
        with pytest.raises(ModelError, match="was made with the CLIP avatars"):
            load_generator(clip="mini", **compute).edit(codes, text, method="directions")
    finally:
        assets.avatars_folder.cache_clear()

    bundle(state, parts, out, QUICK, "cpu")
    assert {path.name: path.stat().st_mtime_ns for path in (state / "bundle").glob("*-*.safetensors")} == prepared


def test_parts_that_do_not_match_are_reported(parts, tmp_path):
    exports = tmp_path / "exports"
    shutil.copytree(parts, exports)
    save_generator(exports / "generator.safetensors", bounded_generator(1))
    with pytest.raises(SystemExit, match=r"trained for another generator: .*avatars\.encoder"):
        bundle(tmp_path / "state", exports, tmp_path / "out", QUICK, "cpu")
    (exports / "identity.safetensors").unlink()
    with pytest.raises(SystemExit, match=r"identity\.safetensors is missing: python -m miniature\.avatars\.identity"):
        bundle(tmp_path / "state", exports, tmp_path / "out", QUICK, "cpu")
    assert not Path(tmp_path / "out").exists()


def test_prompts_cover_every_attribute_once():
    texts = prompts()
    assert len(set(texts)) == len(texts)
    assert not any("{" in text or "  " in text or "a afro" in text or "a orange" in text for text in texts)
    for name, words in {"hair": "{} hair", "eyes": "{} eyes", "hat": "{}", "clothes": "{}"}.items():
        for choice in CHOICES[name]:
            assert choice == "none" or any(words.format(choice) in text for text in texts), choice

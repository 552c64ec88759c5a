"""The model that the measurements use: styles are learned once, and stylizing is what the public functions do."""

import pytest
import torch

import inst
from benchmarks.common.pairs import read_painting
from benchmarks.common.style_transfer import StyleTransfer
from inst.image import to_pil
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos, read_photo


@pytest.fixture(scope="module")
def transfer(tmp_path_factory: pytest.TempPathFactory) -> StyleTransfer:
    torch.set_num_threads(1)
    return StyleTransfer(inst.load_model(device="cpu"), tmp_path_factory.mktemp("styles"), train_steps=1, num_steps=2)


def test_a_painting_is_learned_once(transfer: StyleTransfer, monkeypatch: pytest.MonkeyPatch):
    painting = read_painting(STYLE_IMAGES / "night.jpg")
    learned = transfer.learn(painting)
    (path,) = transfer.folder.iterdir()
    assert path.name.startswith("night-") and learned.metadata["step"] == 1
    monkeypatch.setattr(inst, "learn_style", None)
    assert torch.equal(transfer.learn(painting).vectors, learned.vectors)


def test_a_photo_is_stylized_as_by_the_public_function(transfer: StyleTransfer):
    photo, style = read_photo(packaged_photos()[0], 64), inst.load_style("night")
    result = transfer.stylize(photo, style, resolution=64, strength=0.5)
    expected = inst.stylize(photo, style, model=transfer.session, num_steps=2, resolution=64, strength=0.5)
    assert to_pil(result).tobytes() == expected.tobytes()


def test_patches_can_be_transported_without_the_token(transfer: StyleTransfer):
    photo, style = read_photo(packaged_photos()[0], 64), inst.load_style("night")
    plain, both = transfer.stylize(photo, None), transfer.stylize(photo, style)
    patches = transfer.stylize_with_patches(photo, style)
    assert patches.shape == photo.shape
    assert min((patches - other).abs().mean() for other in (plain, both)) > 1e-3

"""Style token files: round trip, and invalid files are refused."""

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from inst.diffusion.transport import patch_distribution
from inst.errors import InputError, TokenError
from inst.inversion.token import StyleToken, check_fits, load_token, save_token

METADATA = {"model": "mini", "text_encoder": "abc", "step": 3, "settings": {"seed": 0}}
MODEL = {"model": "mini", "token_dim": 8, "text_encoder": "abc", "vocabulary_norm": 1.0}


def token(**changes):
    vectors = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    return StyleToken(**({"name": "a", "vectors": vectors, "metadata": METADATA} | changes))


def test_a_token_is_saved_and_loaded(tmp_path):
    patches = patch_distribution(torch.randn(1, 4, 20, 20))
    before = token(module={"net.1.bias": torch.ones(3)}, patches=patches, thumbnail=b"\xff\xd8jpeg")
    save_token(tmp_path / "a.safetensors", before)
    after = load_token(tmp_path / "a.safetensors")
    assert (after.name, after.metadata, after.thumbnail, after.hash) == ("a", METADATA, before.thumbnail, before.hash)
    assert_close(after.vectors, before.vectors)
    assert_close(after.module["net.1.bias"], torch.ones(3))
    assert_close(after.patches.float(), patches, atol=2e-3, rtol=1e-3)
    save_token(tmp_path / "b.safetensors", token())
    assert load_token(tmp_path / "b.safetensors").patches is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_inf_are_refused(tmp_path, bad):
    with pytest.raises(TokenError, match="NaN or infinite"):
        token(vectors=torch.full((1, 8), bad))
    save_file({"vectors": torch.full((1, 8), bad)}, tmp_path / "a.safetensors", {"inst.facts": "{}"})
    with pytest.raises(TokenError, match="NaN or infinite"):
        load_token(tmp_path / "a.safetensors")


def test_unknown_tensors_are_named(tmp_path):
    save_file({"vectors": torch.ones(1, 8), "other": torch.ones(1)}, tmp_path / "a.safetensors", {"inst.facts": "{}"})
    with pytest.raises(TokenError, match="other"):
        load_token(tmp_path / "a.safetensors")


@pytest.mark.parametrize("bad", [torch.ones(3), torch.ones(3, 2, 35, 4), torch.full((3, 2, 36, 4), float("nan"))])
def test_damaged_patches_are_refused(tmp_path, bad):
    tensors = {"vectors": torch.ones(1, 8), "patches": bad}
    save_file(tensors, tmp_path / "a.safetensors", {"inst.facts": "{}"})
    with pytest.raises(TokenError, match="invalid patch distribution"):
        load_token(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "header",
    [
        {"inst.facts": "{"},
        {"inst.facts": "3"},
        {"inst.facts": "[" * 9999},
        {"inst.facts": "{}", "modelspec.thumbnail": "data:,a"},
    ],
)
def test_a_damaged_header_is_refused(tmp_path, header):
    save_file({"vectors": torch.ones(1, 8)}, tmp_path / "a.safetensors", header)
    with pytest.raises(TokenError, match=r"a\.safetensors has a damaged header"):
        load_token(tmp_path / "a.safetensors")


def test_files_of_another_kind_are_refused(tmp_path):
    save_file({"weight": torch.ones(1, 8)}, tmp_path / "a.safetensors")
    with pytest.raises(TokenError, match="is not a style token"):
        load_token(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(InputError):
        load_token(tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"token_dim": 768, "model": "sd15"}, "vectors of width 8 .* sd15 needs 768"),
        ({"text_encoder": "xyz"}, "different text encoder"),
    ],
)
def test_a_style_of_another_model_is_refused(changes, sentence):
    check_fits(token(), **MODEL)
    with pytest.raises(TokenError, match=sentence):
        check_fits(token(), **(MODEL | changes))


def test_vectors_much_longer_than_those_of_the_vocabulary_are_refused():
    short = MODEL | {"vocabulary_norm": 1e-3}
    check_fits(token(), **short, max_norm_ratio=1e5)  # a model whose own module makes long ones
    with pytest.raises(TokenError, match="times as long"):
        check_fits(token(), **short)

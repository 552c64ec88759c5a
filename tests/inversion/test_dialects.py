"""Textual inversion files of other tools: reading them, and writing ours in their formats."""

import base64
import json
import struct
import sys
import types
from pathlib import Path

import PIL.Image
import pytest
import torch
from PIL import PngImagePlugin
from safetensors.torch import load_file, save_file
from torch import nn

from inst.errors import InputError, TokenError
from inst.inversion.attention import AttentionInversion
from inst.inversion.dialects import read_foreign, sanitize_name, write_diffusers, write_shared

VECTORS = torch.randn(3, 48, generator=torch.Generator().manual_seed(0))


def same(found, vectors=VECTORS) -> bool:
    return found.vectors.dtype == torch.float32 and torch.equal(found.vectors, vectors)


# One file of each tool, in that tool's format


def test_the_shared_form_is_read(tmp_path):
    save_file({"emb_params": VECTORS}, tmp_path / "starry (night).safetensors")
    found = read_foreign(tmp_path / "starry (night).safetensors")
    assert same(found) and (found.dialect, found.name, found.trigger) == ("shared", "starry_night", "starry_night")
    assert found.attention_state is None


@pytest.mark.parametrize("name", ["learned_embeds.safetensors", "learned_embeds.bin"])
@pytest.mark.parametrize("value", [VECTORS, VECTORS[0]])
def test_diffusers_files_are_read(tmp_path, name, value):
    write = save_file if name.endswith("safetensors") else torch.save
    write({"<cat-toy>": value}, tmp_path / name)
    found = read_foreign(tmp_path / name)
    assert same(found, value.reshape(-1, 48))
    assert (found.dialect, found.name, found.trigger) == ("diffusers", "cat-toy", "<cat-toy>")


@pytest.mark.parametrize("parameter", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_a1111_files_are_read(tmp_path, parameter, legacy):
    state = {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": nn.Parameter(VECTORS) if parameter else VECTORS},
        "name": "my style",
        "step": 500,
        "sd_checkpoint": "abcdef12",
        "sd_checkpoint_name": None,
    }
    torch.save(state, tmp_path / "file-500.pt", _use_new_zipfile_serialization=not legacy)
    found = read_foreign(tmp_path / "file-500.pt")
    assert same(found) and (found.dialect, found.name, found.trigger) == ("a1111", "my_style", "file-500")


def card(path: Path, text: str) -> Path:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("sd-ti-embedding", text)
    PIL.Image.new("RGB", (64, 64)).save(path, pnginfo=chunks)
    return path


def test_a1111_image_embeddings_are_read(tmp_path):
    data = {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": {"TORCHTENSOR": VECTORS.tolist()}},
        "name": "carded",
        "step": 1,
    }
    found = read_foreign(card(tmp_path / "x.png", base64.b64encode(json.dumps(data).encode()).decode()))
    assert same(found) and (found.dialect, found.name, found.trigger) == ("a1111-card", "carded", "carded")


@pytest.mark.parametrize(
    "text",
    [
        "!",
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b'{"string_to_param": {"*": {"TORCHTENSOR": "x"}}}').decode(),
        base64.b64encode(b'{"string_to_param": [1]}').decode(),
        base64.b64encode(b"[" * 99999).decode(),
    ],
)
def test_damaged_image_embeddings_are_refused(tmp_path, text):
    with pytest.raises(InputError, match=r"x\.png is a picture whose embedding is damaged"):
        read_foreign(card(tmp_path / "x.png", text))


def test_an_image_without_an_embedding_is_refused(tmp_path):
    PIL.Image.new("RGB", (64, 64)).save(tmp_path / "x.png")
    with pytest.raises(InputError, match="picture without an embedding"):
        read_foreign(tmp_path / "x.png")


@pytest.mark.parametrize("parameter", [False, True])
def test_files_of_the_original_textual_inversion_are_read(tmp_path, parameter):
    value = nn.Parameter(VECTORS) if parameter else VECTORS
    torch.save(
        {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": nn.ParameterDict({"*": value})},
        tmp_path / "e.pt",
    )
    found = read_foreign(tmp_path / "e.pt")
    assert same(found) and (found.dialect, found.name, found.trigger) == ("original", "e", None)


def test_onetrainer_files_are_read(tmp_path):
    save_file({"emp_params": VECTORS, "emp_params_out": VECTORS * 2}, tmp_path / "one.safetensors")
    found = read_foreign(tmp_path / "one.safetensors")
    assert same(found) and (found.dialect, found.trigger) == ("onetrainer", "one")
    assert "emp_params_out" in found.notes[0]


def test_a_list_of_mappings_is_read(tmp_path):
    torch.save([{"a": VECTORS[:1]}, {"b": VECTORS[1:]}], tmp_path / "x.pt")
    assert same(read_foreign(tmp_path / "x.pt"))


# The InST release: a pickled module


def release_file(path: Path, monkeypatch, dim: int = 64) -> nn.Module:
    """Writes a file like those of the release: a pickled module whose classes exist only while it is written."""

    class CrossAttention(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.heads = 0.125, 8
            self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim, bias=False) for _ in range(3))
            self.to_out = nn.Sequential(nn.Linear(dim, dim), nn.Dropout(0.05))

    class Attentions(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Dropout(0.05), nn.Linear(dim, dim))
            self.attn1, self.attn2 = CrossAttention(), CrossAttention()

    for cls, name in ((CrossAttention, "ldm.modules.attention"), (Attentions, "ldm.modules.embedding_manager")):
        cls.__module__, cls.__qualname__ = name, cls.__name__
        for package in ("ldm", "ldm.modules", name):
            monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
        setattr(sys.modules[name], cls.__name__, cls)
        module = cls()
    torch.save({"string_to_token": {"*": torch.tensor(265)}, "attention": module}, path)
    monkeypatch.undo()
    assert "ldm" not in sys.modules
    return module


def test_an_inst_release_file_is_read_without_its_classes(tmp_path, monkeypatch):
    module = release_file(tmp_path / "embeddings.pt", monkeypatch)
    found = read_foreign(tmp_path / "embeddings.pt")
    assert (found.vectors, found.dialect, found.trigger) == (None, "inst-release", "*")
    assert found.attention_state is not None
    assert {"attn1.to_q.weight", "attn2.to_out.0.bias", "net.1.bias"} <= found.attention_state.keys()
    ours = AttentionInversion(64, num_heads=8, head_dim=8).eval()
    ours.load_state_dict(found.attention_state)
    x = torch.randn(2, 1, 64)
    attended = module.attn2.to_out[0](module.attn2.to_v(x))  # one key: the softmax over it is 1
    assert torch.allclose(ours(x), module.net[1](attended), atol=1e-6)
    assert "ldm" not in sys.modules


def test_a_release_file_with_nan_or_another_module_is_refused(tmp_path):
    path = tmp_path / "embeddings.pt"
    torch.save({"attention": nn.Linear(3, 3)}, path)
    with pytest.raises(InputError, match=r"lacks net\.1\.bias, net\.1\.weight"):
        read_foreign(path)
    bad = nn.Sequential()
    bad.net = nn.Sequential(nn.Identity(), nn.Linear(4, 4))
    nn.init.constant_(bad.net[1].weight, float("nan"))
    torch.save({"attention": bad}, path)
    with pytest.raises(TokenError, match="NaN or infinity"):
        read_foreign(path)


def test_one_tensor_named_a_thousand_times_is_not_copied_as_often(tmp_path):
    wide = torch.ones(4, 2**20, dtype=torch.float16)
    torch.save([{"a": wide}] * 1000, tmp_path / "x.pt")
    with pytest.raises(TokenError, match="4000 vectors, but a prompt has room for 75"):
        read_foreign(tmp_path / "x.pt")
    module = nn.ParameterList([nn.Parameter(wide)] * 1000)
    torch.save({"attention": module}, tmp_path / "x.pt")
    with pytest.raises(InputError, match="the same data again and again"):
        read_foreign(tmp_path / "x.pt")


# Files that are refused


def spoiled(index, value):
    vectors = VECTORS.clone()
    vectors[index] = value
    return vectors


@pytest.mark.parametrize(
    "tensors, error, words",
    [
        ({"emb_params": spoiled((0, 0), float("nan"))}, TokenError, "NaN or infinity"),
        ({"emb_params": spoiled((0, 0), float("inf"))}, TokenError, "NaN or infinity"),
        ({"emb_params": spoiled(1, 0.0)}, TokenError, "vector of zeros"),
        ({"emb_params": torch.ones(2, 1280)}, TokenError, "width 1280: it is for SDXL"),
        ({"emb_params": torch.ones(76, 48)}, TokenError, "76 vectors, but a prompt has room for 75"),
        ({"emb_params": torch.ones(2, 3, 4)}, TokenError, r"shape \(2, 3, 4\)"),
        ({"emb_params": torch.ones(0, 48)}, TokenError, r"shape \(0, 48\)"),
        ({"emb_params": torch.ones(2, 48).long()}, InputError, "not a tensor of floats"),
        ({"clip_l": torch.ones(1, 768), "clip_g": torch.ones(1, 1280)}, TokenError, "SDXL's two text encoders"),
        ({"<a>": VECTORS, "<b>": VECTORS + 1}, TokenError, "contains 2 embeddings"),
        ({"lora_unet_x.alpha": VECTORS, "b": VECTORS + 1}, InputError, "a model, LoRA or training state"),
    ],
)
def test_unusable_tensors_are_refused(tmp_path, tensors, error, words):
    save_file(tensors, tmp_path / "x.safetensors")
    with pytest.raises(error, match=words) as caught:
        read_foreign(tmp_path / "x.safetensors")
    assert "x.safetensors" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [3, {}, [], [1], {"x": 1}, {"string_to_param": {}}, {"string_to_param": 3},
                                  {"string_to_param": {"*": 3}}, {"attention": 3}, [{"a": 1}],
                                  [{"a": torch.zeros(0)}]])  # fmt: skip
def test_pickles_of_other_content_are_refused(tmp_path, data):
    torch.save(data, tmp_path / "x.pt")
    with pytest.raises(InputError, match=r"x\.pt"):
        read_foreign(tmp_path / "x.pt")


def test_other_kinds_of_files_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_text("<html>")
    with pytest.raises(InputError, match="is not a style"):
        read_foreign(path)
    path.write_bytes(struct.pack("<Q", 300_000_000) + b"{}")
    with pytest.raises(InputError, match="header"):
        read_foreign(path)
    with pytest.raises(InputError, match="no file"):
        read_foreign(tmp_path / "gone")
    for name, write in (("a.safetensors", save_file), ("a.pt", torch.save)):
        write({"emb_params": torch.zeros(17 * 2**20)}, tmp_path / name)
        with pytest.raises(InputError, match="too large"):
            read_foreign(tmp_path / name)


# Writing


@pytest.mark.parametrize("count", [1, 3])
def test_written_files_are_read_by_us_and_by_safetensors(tmp_path, count):
    vectors = VECTORS[:count]
    write_shared(tmp_path / "night.safetensors", vectors, {"modelspec.title": "night"})
    found = read_foreign(tmp_path / "night.safetensors")
    assert same(found, vectors) and found.trigger == "night"
    assert load_file(tmp_path / "night.safetensors")["emb_params"].shape == (count, 48)
    write_diffusers(tmp_path / "learned_embeds.safetensors", "<night>", vectors)
    found = read_foreign(tmp_path / "learned_embeds.safetensors")
    assert same(found, vectors) and found.trigger == "<night>"
    assert load_file(tmp_path / "learned_embeds.safetensors")["<night>"].shape == ((48,) if count == 1 else (3, 48))


def test_invalid_names_and_vectors_are_not_written(tmp_path):
    for name in ("[C].safetensors", "a b.safetensors", "night.pt"):
        with pytest.raises(InputError, match=r"name it (C|a_b|night)\.safetensors"):
            write_shared(tmp_path / name, VECTORS, {})
    with pytest.raises(InputError, match="without spaces"):
        write_diffusers(tmp_path / "x.safetensors", "a b", VECTORS)
    with pytest.raises(TokenError, match="the style contains NaN or infinity"):
        write_shared(tmp_path / "x.safetensors", spoiled(0, float("nan")), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, expected", [("[C]", "C"), ("<cat toy>", "cat_toy"), ("a(b):c", "a_b_c"), ("*", ""), ("é", "é")]
)
def test_names_are_sanitized(name, expected):
    assert sanitize_name(name) == expected

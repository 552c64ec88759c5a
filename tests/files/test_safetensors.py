"""safetensors files: deterministic bytes, and damaged or mislabelled files are refused."""

import pickle
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.files import write
from support.pickles import Touch

from inst import files
from inst.errors import InputError


def test_round_trip_with_our_reader_and_with_the_library(tmp_path):
    tensors = {
        "b": torch.arange(6).reshape(2, 3).t(),
        "a": torch.randn(3, dtype=torch.bfloat16),
        "scalar": torch.tensor(1.5),
        "none": torch.zeros(0, 4),
        "flag": torch.tensor([True, False]),
        "half": torch.randn(5).half()[1:4],
    }
    path = tmp_path / "x.safetensors"
    files.write_safetensors(path, tensors, {"ü": "1", "a": "2"})
    read, metadata = files.read_safetensors(path)
    assert metadata == {"ü": "1", "a": "2"}
    for loaded in (read, load_file(path)):
        assert loaded.keys() == tensors.keys()
        assert all(torch.equal(loaded[k], v) and loaded[k].dtype == v.dtype for k, v in tensors.items())


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    metadata = {c: c for c in "hgfedcba"}
    for name, items in (("1", metadata), ("2", dict(sorted(metadata.items())))):
        files.write_safetensors(tmp_path / name, {"x": torch.ones(3)}, items)
    assert files.sha256(tmp_path / "1") == files.sha256(tmp_path / "2")
    assert files.sha256(tmp_path / "1") == files.sha256_bytes((tmp_path / "1").read_bytes())


def test_broken_safetensors_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.ones(1000)}, path)
    whole = path.read_bytes()
    with pytest.raises(InputError, match="damaged"):
        files.read_safetensors(write(path, whole[:-10]))
    with pytest.raises(InputError, match="truncated"):
        files.read_safetensors(write(path, whole[:20]))
    with pytest.raises(InputError, match="header of 286 MiB"):
        files.read_safetensors(write(path, struct.pack("<Q", 300_000_000) + whole[8:]))
    with pytest.raises(InputError, match=r"too large \(3\.\d+ KiB\): at most 1 KiB"):
        files.read_safetensors(write(path, whole), max_bytes=1024)


def test_a_pickle_named_safetensors_is_refused_and_not_executed(tmp_path):
    path = write(tmp_path / "style.safetensors", pickle.dumps(Touch(tmp_path / "ran")))
    with pytest.raises(InputError, match="is not a safetensors file but a pickle"):
        files.read_safetensors(path)
    assert not (tmp_path / "ran").exists()

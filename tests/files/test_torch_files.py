"""Files of `torch.save` that are damaged or whose tensors refer to memory outside their data."""

import zipfile
from copy import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from support.files import write
from support.pickles import TENSOR, assembled, name, refused, text

from inst import files
from inst.errors import InputError


def torch_zip(path: Path, pickled: bytes, compression=zipfile.ZIP_STORED, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x/data.pkl", pickled)
        for key, data in entries.items():
            archive.writestr(f"x/data/{key.strip('_')}", data)
    return path


def integer(value: int) -> bytes:
    data = value.to_bytes(8, "little", signed=True)
    return b"\x8a\x08" + data


def tensor_pickle(numel=4, offset=0, size=(4,), stride=(1,), key="0") -> bytes:
    def row(values):
        return b"(" + b"".join(integer(v) for v in values) + b"t"

    storage = b"(" + text("storage") + name("torch", "FloatStorage") + text(key) + text("cpu") + integer(numel) + b"tQ"
    return assembled(TENSOR, b"(", storage, integer(offset), row(size), row(stride), b"\x89Nt", b"R")


def test_a_hand_written_tensor_is_read(tmp_path):
    path = torch_zip(tmp_path / "x.pt", tensor_pickle(offset=1, size=(2,)), _0=np.arange(4, dtype="<f4").tobytes())
    assert files.read_pickle(path).tolist() == [1, 2]


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"numel": 5}, "beyond its data"),
        ({"numel": 2**40}, "beyond its data"),
        ({"numel": 2**60}, "refers to data"),
        ({"numel": -1}, "refers to data"),
        ({"offset": -1}, "negative or absurd"),
        ({"offset": 1}, "beyond its data"),
        ({"size": (-4,)}, "negative or absurd"),
        ({"size": (5,)}, "beyond its data"),
        ({"size": (2**40, 2**40), "stride": (0, 0)}, "beyond its data"),
        ({"size": (5,), "stride": (0,)}, "beyond its data"),
        ({"stride": (-1,)}, "negative or absurd"),
        ({"stride": (2,)}, "beyond its data"),
        ({"size": (2, 2)}, "arguments that do not fit"),
        ({"size": (1,) * 40, "stride": (1,) * 40}, "no proper shape"),
        ({"key": "../1"}, "a tensor's data is not in it"),
    ],
)
def test_tensors_outside_their_storage_are_refused(tmp_path, wrong, words):
    path = torch_zip(tmp_path / "x.pt", tensor_pickle(**wrong), _0=np.arange(4, dtype="<f4").tobytes(), _1=b"x" * 64)
    refused(path, words)


@pytest.mark.parametrize(
    "opcodes, words",
    [
        (b"}b", "changes the attributes of a Tensor"),
        (b"N}" + text("data") + b"Ns\x86b", "changes the attributes of a Tensor"),
        (b"K\x00K\x01s", "sets an item of a Tensor"),
        (b"K\x01a", "appends to a Tensor"),
        (b"(K\x01\x90", "adds to a Tensor"),
        (b")R", "calls something"),
        (b")\x81", "calls something"),
        (b")}\x92", "calls something"),
    ],
)
def test_no_method_of_a_tensor_is_called(tmp_path, opcodes, words):
    pickled = tensor_pickle()[:-1] + opcodes + b"."
    refused(torch_zip(tmp_path / "x.pt", pickled, _0=b"\0" * 16), words)


def test_tensors_are_counted_as_work(tmp_path, monkeypatch):
    monkeypatch.setattr("inst.files.pickles.unpickler.MAX_STEPS", 30_000)
    made = tensor_pickle()[2:-2]  # without protocol, call and stop
    again = assembled(TENSOR, b"q\x00", made.removeprefix(TENSOR), b"q\x01", b"0h\x00h\x01R" * 2000)
    refused(torch_zip(tmp_path / "x.pt", again, _0=b"\0" * 16), "more work")


def test_zip_entries_over_the_same_data_are_refused(tmp_path):
    path = torch_zip(tmp_path / "x.pt", tensor_pickle(), _0=b"\0" * 4096)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(1, 4):
            entry = copy(archive.getinfo("x/data/0"))
            entry.filename = f"x/data/{number}"
            archive.filelist.append(entry)
        archive.writestr("x/version", b"3")  # has the directory written again
    refused(path, "parts overlap")


def test_zip_archives_that_torch_does_not_write_are_refused(tmp_path):
    path, data = tmp_path / "x.pt", b"\0" * 16
    refused(torch_zip(path, tensor_pickle(), zipfile.ZIP_DEFLATED, _0=data), "compressed")
    whole = torch_zip(path, tensor_pickle(), _0=data).read_bytes()
    refused(write(path, whole[:-30]), "damaged or cut short")
    refused(write(path, whole[:40] + whole[60:]), "damaged|refused")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"\x80\x02N.")
        archive.writestr("more/data.pkl", b"\x80\x02N.")
    refused(path, "the one data.pkl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02N.")
        archive.writestr("x/byteorder", b"big")
    refused(path, "big-endian")


def test_truncated_torch_files_are_refused(tmp_path):
    for legacy in (False, True):
        torch.save({"x": torch.ones(1000)}, tmp_path / "x.pt", _use_new_zipfile_serialization=not legacy)
        whole = (tmp_path / "x.pt").read_bytes()
        for end in (len(whole) - 500, len(whole) // 2, 100):
            with pytest.raises(InputError):
                files.read_pickle(write(tmp_path / "y.pt", whole[:end]))


def test_random_damage_raises_only_input_errors(tmp_path):
    random = np.random.default_rng(0)
    torch.save(
        {"x": torch.ones(3), "m": torch.nn.Linear(2, 2)}, tmp_path / "x.pt", _use_new_zipfile_serialization=False
    )
    whole = np.frombuffer((tmp_path / "x.pt").read_bytes(), dtype=np.uint8)
    refusals = 0
    for _ in range(150):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        try:
            files.read_pickle(write(tmp_path / "y.pt", damaged.tobytes()))
        except InputError as error:
            assert "\n" not in str(error)
            refusals += 1
    assert refusals > 50

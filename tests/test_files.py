import errno
import json
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from inst import files
from inst.errors import InputError


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# What a file is


@pytest.mark.parametrize(
    "data, kind",
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"GIF89a", "gif"),
        (b"BM\x10\0\0\0\0\0\0\0", "bmp"),
        (b"BMW is a car", "text"),
        (b"II*\0", "tiff"),
        (b"\n <!DOCTYPE html><p>", "html"),
        ("Grüße".encode(), "text"),
        (b"%!PS-Adobe-3.0 EPSF", "text"),
        ("ü".encode() * 3000, "text"),
        (b"\x80\x04N.", "pickle"),
        (struct.pack("<Q", 300_000_000) + b'{"a', "safetensors"),
        (b"PK\x03\x04 some zip", "unknown"),
        (b"\0\1\2", "unknown"),
    ],
)
def test_a_file_is_known_by_its_content(tmp_path, data, kind):
    assert files.sniff(write(tmp_path / "misleading.safetensors", data)) == kind


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*gone\.pt"):
        files.sniff(tmp_path / "gone.pt")
    with pytest.raises(InputError, match="is a folder"):
        files.sniff(tmp_path)


# Writing


def test_replacing_keeps_the_old_file_and_leaves_nothing_when_it_fails(tmp_path):
    path = write(tmp_path / "state.bin", b"old")
    with pytest.raises(KeyError), files.replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError
    assert path.read_bytes() == b"old"
    assert left(tmp_path) == ["state.bin"]
    with files.replacing(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert left(tmp_path) == ["state.bin"]


def test_replacing_makes_the_folder_and_writes_through_a_link(tmp_path):
    files.write_json(tmp_path / "a" / "b" / "x.json", {"ü": 1})
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "a" / "b" / "x.json")
    files.write_json(link, [2])
    assert link.is_symlink()
    assert files.read_json(tmp_path / "a" / "b" / "x.json") == [2]


def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path):
    path = tmp_path / "big.safetensors"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(InputError, match=r"big\.safetensors cannot be written: File too large"):
            files.write_safetensors(path, {"a": torch.zeros(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "number, words",
    [(errno.ENOSPC, "no space left"), (errno.EROFS, "read-only"), (errno.EACCES, "permission denied")],
)
def test_write_faults_say_what_to_do(tmp_path, number, words):
    with pytest.raises(InputError, match=words) as caught, files.replacing(tmp_path / "x") as temporary:
        raise OSError(number, os.strerror(number), str(temporary))
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_the_fault_of_another_file_is_not_blamed_on_this_one(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "x"):
        Path("/nonexistent/other").read_bytes()


def test_paths_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        files.write_json(tmp_path, 1)
    with pytest.raises(InputError, match="part of its path is a file"):
        files.write_json(write(tmp_path / "f", b"") / "x.json", 1)
    with pytest.raises(InputError, match="cannot be written"):
        files.write_json(Path("/proc/nothing/x.json"), 1)


def test_killed_while_writing_leaves_the_old_file(tmp_path):
    path = write(tmp_path / "state.json", b"[1]")

    def write_and_die():
        with files.replacing(path) as temporary:
            temporary.write_text("[2")
            os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(target=write_and_die)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert files.read_json(path) == [1]


@pytest.mark.parametrize(
    "data, words", [(b"{", "line 1"), (b"\xff\xfe", "UTF-8"), (b"[" * 100_000, "nested too deeply")]
)
def test_broken_json_is_one_sentence(tmp_path, data, words):
    with pytest.raises(InputError, match=words):
        files.read_json(write(tmp_path / "x.json", data))


# safetensors


def test_safetensors_round_trip_and_the_librarys_reader_agree(tmp_path):
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
    with pytest.raises(InputError, match="cut short"):
        files.read_safetensors(write(path, whole[:20]))
    with pytest.raises(InputError, match="header of 286 MiB"):
        files.read_safetensors(write(path, struct.pack("<Q", 300_000_000) + whole[8:]))
    with pytest.raises(InputError, match=r"too large \(3\.\d+ KiB\): at most 1 KiB"):
        files.read_safetensors(write(path, whole), max_bytes=1024)


def test_a_pickle_named_safetensors_is_not_tried_by_another_loader(tmp_path):
    path = write(tmp_path / "style.safetensors", pickle.dumps(Touch(tmp_path / "ran")))
    with pytest.raises(InputError, match="is not a safetensors file but a pickle"):
        files.read_safetensors(path)
    assert not (tmp_path / "ran").exists()


# Pickles that are what they should be


class Touch:
    """Unpickling it the ordinary way makes a file."""

    def __init__(self, path, function=os.system):
        self.path, self.function = path, function

    def __reduce__(self):
        return self.function, (f"touch {self.path}",)


class Thing:
    pass


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_of_both_kinds_are_read(tmp_path, legacy):
    path = tmp_path / "x.pt"
    shared = torch.randn(4, 6)
    state = OrderedDict(a=shared, view=shared[1:3, ::2], half=torch.randn(3).half(), flag=torch.tensor([True, False]))
    state["parameter"] = torch.nn.Parameter(torch.randn(2, 2))
    state["none"] = torch.zeros(0, 3)
    state["bf"] = torch.randn(3, dtype=torch.bfloat16)
    state["numbers"] = {"i": 2**70, "f": 0.5, "b": b"\xff\0", "s": {1, 2}, "t": (1, None, True)}
    state["dtype"], state["size"] = torch.float16, torch.Size([2, 3])
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    read = files.read_pickle(path)
    assert isinstance(read, OrderedDict) and list(read) == list(state)
    for name, value in state.items():
        same = torch.equal(read[name], value) if isinstance(value, torch.Tensor) else read[name] == value
        assert same, name
    assert read["a"].data_ptr() == read["view"].data_ptr() - 6 * 4  # one storage, as saved
    read["a"].zero_()
    assert torch.equal(files.read_pickle(path)["a"], shared)  # the file is not written to


def test_a_state_dict_with_metadata_and_numpy_numbers(tmp_path):
    linear = torch.nn.Linear(2, 3)
    torch.save({"state_dict": linear.state_dict(), "lr": np.float64(0.25), "n": np.int32(7)}, tmp_path / "x.ckpt")
    read = files.read_pickle(tmp_path / "x.ckpt")
    assert torch.equal(read["state_dict"]["weight"], linear.weight)
    assert (read["lr"], read["n"]) == (0.25, 7)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_pickles_of_every_binary_protocol(tmp_path, protocol):
    data = {"s": "ü\n", "b": b"\1", "l": [1, [2.5, -3, 300, 70_000, -(2**40)]], "f": frozenset({1}), "c": 1 + 2j}
    data["d"] = defaultdict(list, x=1)
    data["a"] = bytearray(b"abc")
    read = files.read_pickle(write(tmp_path / "x.pkl", pickle.dumps(data, protocol)))
    assert read == data


def test_other_classes_become_stubs_with_their_state(tmp_path):
    thing = Thing()
    thing.x = [1, 2]
    path = write(tmp_path / "x.pkl", pickle.dumps({"thing": thing, "class": Thing, Thing: 1, "path": Path("a")}))
    read = files.read_pickle(path)
    name = f"{__name__}.Thing"
    assert isinstance(read["thing"], files.Inert)
    assert (read["thing"].name, read["thing"].state) == (name, {"x": [1, 2]})
    assert read["class"] == files.InertName(name)
    assert read[files.InertName(name)] == 1
    assert read["path"].args[-1] == "a"


def test_lightnings_callback_as_key_and_object(tmp_path, monkeypatch):
    names = "pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint"
    cls = type("ModelCheckpoint", (), {"__module__": names[-1]})
    for name in names:
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    sys.modules[names[-1]].ModelCheckpoint = cls
    torch.save({"callbacks": {cls: {"best": torch.tensor(0.5)}, "x": cls()}, "w": torch.ones(2)}, tmp_path / "x.ckpt")
    monkeypatch.undo()
    read = files.read_pickle(tmp_path / "x.ckpt")
    assert torch.equal(read["w"], torch.ones(2))
    assert read["callbacks"][files.InertName(f"{names[-1]}.ModelCheckpoint")]["best"] == 0.5
    assert names[0] not in sys.modules


def test_a_modules_parameters_without_the_module(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Sequential(torch.nn.BatchNorm1d(2)))
    torch.save({"m": module}, tmp_path / "x.pt")
    state = files.module_state_dict(files.read_pickle(tmp_path / "x.pt")["m"])
    assert state.keys() == module.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in module.state_dict().items())


def test_a_module_that_contains_itself_is_refused():
    module = files.Inert("m")
    module.state = {"_parameters": {}, "_modules": {"a": module, "b": module}}
    with pytest.raises(InputError, match="contains itself"):
        files.module_state_dict(module)
    with pytest.raises(InputError, match="no torch module"):
        files.module_state_dict(files.Inert("m", state={"x": 1}))


def test_a_module_graph_that_doubles_at_every_level_ends_in_time():
    """40 levels that each name the next one twice: 2^40 paths, not one tensor."""
    module = files.Inert("m", state={"_parameters": {}})
    for _ in range(40):
        module = files.Inert("m", state={"_parameters": {}, "_modules": {"a": module, "b": module}})
    with pytest.raises(InputError, match="no end"):
        files.module_state_dict(module)


def test_a_module_whose_members_lie_elsewhere():
    inner = files.Inert("wrapper", ({"_parameters": {"w": torch.ones(2)}},))
    outer = files.Inert("wrapper", ({"_parameters": {}, "_modules": {"a": inner}},))
    state = files.module_state_dict(outer, lambda module: module.args[0])
    assert state.keys() == {"a.w"}


# Pickles that are not


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        files.read_pickle(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "function, named",
    [
        (os.system, r"(posix|nt)\.system"),
        (eval, "builtins.eval"),
        (exec, "builtins.exec"),
        (subprocess.getoutput, r"(subprocess|commands)\.getoutput"),
        (__import__, "builtins.__import__"),
        (getattr, "builtins.getattr"),
    ],
)
@pytest.mark.parametrize("container", ["bare", "zip", "legacy"])
def test_code_in_a_pickle_is_named_and_does_not_run(tmp_path, function, named, container):
    path, bad = tmp_path / "x.pt", {"string_to_param": Touch(tmp_path / "ran", function)}
    if container == "bare":
        path.write_bytes(pickle.dumps(bad))
    else:
        torch.save(bad, path, _use_new_zipfile_serialization=container == "zip")
    refused(path, f"wants to run {named}")
    assert not (tmp_path / "ran").exists()


def assembled(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


TENSOR = name("torch._utils", "_rebuild_tensor_v2")


@pytest.mark.parametrize(
    "data, words",
    [
        (assembled(name("torch", "load"), text("other.pt"), b"\x85R"), "torch.load"),
        (assembled(name("torch.hub", "load"), text("x/y"), b"\x85R"), "torch.hub.load"),
        (assembled(name("builtins", "getattr"), name("os", "path"), text("x"), b"\x86R"), "builtins.getattr"),
        (assembled(name("collections", "OrderedDict.__init__.__globals__"), b")R)R"), "calls something"),
        (assembled(text("os"), text("system"), b"\x93", text("true"), b"\x85R"), "os.system"),
        (assembled(name("operator", "attrgetter"), text("system"), b"\x85R"), "operator.attrgetter"),
        (assembled(name("some.module", "f"), b")R)R"), "calls something"),
        (assembled(name("some.module", "f"), b"}b"), "changes the attributes of some.module.f"),
        (assembled(name("collections", "OrderedDict"), b"}", text("pop"), b"Ksb"), "damaged|changes"),
        (assembled(name("collections", "OrderedDict"), b"}b"), "changes the attributes"),
        (assembled(name("collections", "OrderedDict"), b"K\x01\x85R"), "makes a collection out of something else"),
        (assembled(name("builtins", "bytearray"), b"J\xff\xff\xff\x7f\x85R"), "out of something else"),
        (assembled(TENSOR, b"K\x00K\x00))\x89Nt"), "damaged"),
        (assembled(b"(", text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu"), b"K\x01tQ"), "bare"),
        (assembled(b"C\x05ab"), "damaged or cut short"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.", "damaged or cut short"),
        (b"\x80\x04\x96" + struct.pack("<Q", 2**40) + b".", "damaged or cut short"),
        (assembled(b"\x8b" + struct.pack("<I", 2**30)), "integer too large"),
        (assembled(b"j\xff\xff\xff\x7f"), "damaged or cut short"),
        (assembled(b"("), "damaged or cut short"),
        (assembled(b"(t)" + b"R"), "calls something"),
        (assembled(b""), "damaged or cut short"),
        (b"\x80\x02", "damaged or cut short"),
        (assembled(b"}]K\x01s"), "a list for a key"),
        (assembled(b"(i__main__\nf\n"), "instruction b'i'"),
        (assembled(b"\x82\x01"), "instruction"),
        (assembled(b"c" + b"a" * 2000 + b"\nb\n"), "damaged or cut short"),
        (assembled(b"K\x01" * 3, b"\x90"), "damaged or cut short"),
    ],
)  # fmt: skip
def test_hostile_and_broken_pickles_are_refused(tmp_path, data, words):
    refused(write(tmp_path / "x.pt", data), words)


def test_no_memo_is_allocated_for_a_huge_index(tmp_path):
    path = write(tmp_path / "x.pt", assembled(b"K\x07r\xff\xff\xff\x7f0j\xff\xff\xff\x7f"))
    assert files.read_pickle(path) == 7


def test_depth_breaks_nothing(tmp_path):
    deep = b"K\x01" + b"\x85" * 20_000
    value = files.read_pickle(write(tmp_path / "x.pt", assembled(deep)))
    for _ in range(1000):
        (value,) = value
    refused(write(tmp_path / "x.pt", assembled(b"}", deep, b"K\x01s")), "for a key")


def test_a_small_file_cannot_ask_for_much(tmp_path, monkeypatch):
    monkeypatch.setattr("inst.files.pickles.machine.MAX_STEPS", 30_000)
    copies = name("collections", "OrderedDict") + b"q\x000(" + b"K\x01" * 1000 + b"lq\x010("
    bomb = assembled(copies, (name("builtins", "list") + b"h\x01\x85R") * 100, b"l")
    refused(write(tmp_path / "x.pt", bomb), "more work than any model file needs")
    refused(write(tmp_path / "x.pt", assembled(b"]0" * 20_000, b"N")), "more work")


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


def test_a_tensor_written_by_hand_is_read(tmp_path):
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
def test_tensors_that_reach_out_of_their_data_are_refused(tmp_path, wrong, words):
    path = torch_zip(tmp_path / "x.pt", tensor_pickle(**wrong), _0=np.arange(4, dtype="<f4").tobytes(), _1=b"x" * 64)
    refused(path, words)


def test_zips_that_torch_does_not_write(tmp_path):
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


def test_cut_short_torch_files(tmp_path):
    for legacy in (False, True):
        torch.save({"x": torch.ones(1000)}, tmp_path / "x.pt", _use_new_zipfile_serialization=not legacy)
        whole = (tmp_path / "x.pt").read_bytes()
        for end in (len(whole) - 500, len(whole) // 2, 100):
            with pytest.raises(InputError):
                files.read_pickle(write(tmp_path / "y.pt", whole[:end]))


def test_random_damage_never_runs_or_crashes(tmp_path):
    random = np.random.default_rng(0)
    torch.save(
        {"x": torch.ones(3), "m": torch.nn.Linear(2, 2)}, tmp_path / "x.pt", _use_new_zipfile_serialization=False
    )
    whole = np.frombuffer((tmp_path / "x.pt").read_bytes(), dtype=np.uint8)
    for _ in range(150):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        try:
            files.read_pickle(write(tmp_path / "y.pt", damaged.tobytes()))
        except InputError as error:
            assert "\n" not in str(error)


def test_other_files_are_not_taken_for_pickles(tmp_path):
    refused(write(tmp_path / "x.pt", b"<html>"), "not a torch file .* but a web page")
    refused(write(tmp_path / "x.pt", b"\0" * 257 + b"ustar  "), "before 2017")
    path = tmp_path / "y.pt"
    path.write_bytes(pickle.dumps(subprocess.Popen))
    with pytest.raises(InputError, match=r"subprocess\.Popen"):
        files.read_pickle(path)
    expected = files.read_pickle(path, inert=frozenset({"subprocess.Popen"}))
    assert expected == files.InertName("subprocess.Popen")


# Locks


def test_the_second_run_is_told_who_holds_the_folder(tmp_path):
    who = f"process {os.getpid()} on {socket.gethostname()}"
    with files.locked(tmp_path), pytest.raises(InputError, match=who), files.locked(tmp_path):
        pass
    with files.locked(tmp_path):
        pass
    assert left(tmp_path) == []


def test_the_lock_goes_when_the_block_fails(tmp_path):
    with pytest.raises(KeyError), files.locked(tmp_path):
        raise KeyError
    assert left(tmp_path) == []


def test_a_dead_runs_lock_is_taken_over(tmp_path):
    child = multiprocessing.get_context("fork").Process(target=os._exit, args=(0,))
    child.start()
    child.join()
    lock = tmp_path / "run.lock"
    for holder in (
        {"host": socket.gethostname(), "pid": child.pid},
        {"host": socket.gethostname(), "pid": os.getpid(), "started": 1},
    ):
        lock.write_text(json.dumps(holder))
        with files.locked(lock):
            assert json.loads(lock.read_text())["pid"] == os.getpid()
        assert left(tmp_path) == []


def test_another_hosts_lock_stands(tmp_path):
    lock = write(tmp_path / "run.lock", json.dumps({"host": "elsewhere", "pid": 1}).encode())
    with pytest.raises(InputError, match=r"process 1 on elsewhere: .*delete .*run\.lock"), files.locked(lock):
        pass
    assert lock.exists()


def test_a_lock_without_content_is_taken_over_only_when_old(tmp_path):
    lock = write(tmp_path / "run.lock", b"")
    with pytest.raises(InputError, match="another run"), files.locked(lock):
        pass
    os.utime(lock, (0, 0))
    with files.locked(lock):
        pass

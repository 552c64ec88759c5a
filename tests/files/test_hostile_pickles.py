"""Malicious and damaged pickles: no code is executed, memory stays bounded, and one sentence says why."""

import os
import pickle
import struct
import subprocess

import pytest
import torch
from support.files import write
from support.pickles import TENSOR, Touch, assembled, name, refused, text

from inst import files
from inst.errors import InputError


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
def test_code_in_a_pickle_is_not_executed_and_is_named(tmp_path, function, named, container):
    path, bad = tmp_path / "x.pt", {"string_to_param": Touch(tmp_path / "ran", function)}
    if container == "bare":
        path.write_bytes(pickle.dumps(bad))
    else:
        torch.save(bad, path, _use_new_zipfile_serialization=container == "zip")
    refused(path, f"wants to run {named}")
    assert not (tmp_path / "ran").exists()


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
        (assembled(text("a\nb"), text("c"), b"\x93"), "damaged or cut short"),
    ],
)  # fmt: skip
def test_hostile_and_broken_pickles_are_refused(tmp_path, data, words):
    refused(write(tmp_path / "x.pt", data), words)


def test_a_huge_memo_index_allocates_nothing(tmp_path):
    path = write(tmp_path / "x.pt", assembled(b"K\x07r\xff\xff\xff\x7f0j\xff\xff\xff\x7f"))
    assert files.read_pickle(path) == 7


def test_deeply_nested_pickles_do_not_overflow_the_stack(tmp_path):
    deep = b"K\x01" + b"\x85" * 20_000
    value = files.read_pickle(write(tmp_path / "x.pt", assembled(deep)))
    for _ in range(1000):
        (value,) = value
    refused(write(tmp_path / "x.pt", assembled(b"}", deep, b"K\x01s")), "for a key")


def test_a_small_file_cannot_expand_without_bound(tmp_path, monkeypatch):
    monkeypatch.setattr("inst.files.pickles.unpickler.MAX_STEPS", 30_000)
    copies = name("collections", "OrderedDict") + b"q\x000(" + b"K\x01" * 1000 + b"lq\x010("
    bomb = assembled(copies, (name("builtins", "list") + b"h\x01\x85R") * 100, b"l")
    refused(write(tmp_path / "x.pt", bomb), "more work than any model file needs")
    refused(write(tmp_path / "x.pt", assembled(b"]0" * 20_000, b"N")), "more work")


def test_copies_are_counted_whatever_makes_them(tmp_path, monkeypatch):
    monkeypatch.setattr("inst.files.pickles.unpickler.MAX_STEPS", 30_000)
    for function in (name("builtins", "bytearray"), name("_codecs", "encode")):
        data = (b"X" if b"encode" in function else b"B") + struct.pack("<I", 2**20) + b"a" * 2**20 + b"\x85q\x01"
        refused(write(tmp_path / "x.pt", assembled(function, b"q\x00", data, b"h\x00h\x01R0" * 4)), "more work")
    reconstruct = assembled(name("copyreg", "_reconstructor"), b"q\x00(", name("a", "B"), b"N" * 1000, b"tR")
    refused(write(tmp_path / "x.pt", reconstruct), "arguments that do not fit")
    long = assembled(text("a" * 499), b"q\x00", text("b" * 499), b"q\x01", b"h\x00h\x01\x930" * 2000)
    refused(write(tmp_path / "x.pt", long), "more work")


def test_a_nested_storage_is_read_once_for_each_time_it_is_in_the_file(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    path.write_bytes(pickle.dumps([torch.ones(4), torch.zeros(4)], 2))
    assert torch.equal(files.read_pickle(path)[0], torch.ones(4))
    torch.save(torch.ones(4).untyped_storage(), path, _use_new_zipfile_serialization=False)
    nested = path.read_bytes()
    data = b"B" + struct.pack("<I", len(nested)) + nested + b"\x85q\x01"
    loop = b"h\x00h\x01R" * 2
    refused(write(path, assembled(name("torch.storage", "_load_from_bytes"), b"q\x00", data, loop)), "parts overlap")
    inside = assembled(name("torch.storage", "_load_from_bytes"), data, b"R")
    again = b"B" + struct.pack("<I", len(inside)) + inside + b"\x85"
    refused(write(path, assembled(name("torch.storage", "_load_from_bytes"), again, b"R")), "no proper data")


def test_deep_objects_of_every_kind_are_let_go(tmp_path):
    """What the interpreter frees one in another: a crash here would end the tests."""
    depth = 15_000
    thing = name("a", "B") + b"q\x00"
    for data in (
        (thing, b"h\x00" * depth, b"K\x01", b"\x85R" * depth),
        (thing, b"h\x00)R" * depth, b"K\x01", b"b" * depth),
    ):
        files.read_pickle(write(tmp_path / "x.pt", assembled(*data)))


def test_other_kinds_of_files_are_refused(tmp_path):
    refused(write(tmp_path / "x.pt", b"<html>"), "not a torch file .* but a web page")
    refused(write(tmp_path / "x.pt", b"\0" * 257 + b"ustar  "), "before 2017")
    path = tmp_path / "y.pt"
    path.write_bytes(pickle.dumps(subprocess.Popen))
    with pytest.raises(InputError, match=r"subprocess\.Popen"):
        files.read_pickle(path)
    expected = files.read_pickle(path, inert=frozenset({"subprocess.Popen"}))
    assert expected == files.InertName("subprocess.Popen")

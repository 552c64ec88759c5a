"""Atomic writes: a file is written completely or not at all, and errors are one sentence."""

import errno
import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest
import torch
from support.files import left, write

from inst import files
from inst.errors import InputError


def test_replacing_keeps_the_old_file_and_cleans_up_after_a_failure(tmp_path):
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


def test_replacing_creates_the_folder_and_follows_a_symlink(tmp_path):
    files.write_json(tmp_path / "a" / "b" / "x.json", {"ü": 1})
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "a" / "b" / "x.json")
    files.write_json(link, [2])
    assert link.is_symlink()
    assert files.read_json(tmp_path / "a" / "b" / "x.json") == [2]


def test_a_write_beyond_the_size_limit_is_one_sentence(tmp_path):
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
def test_write_errors_say_what_is_wrong(tmp_path, number, words):
    with pytest.raises(InputError, match=words) as caught, files.replacing(tmp_path / "x") as temporary:
        raise OSError(number, os.strerror(number), str(temporary))
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_an_error_of_another_file_is_passed_on_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "x"):
        Path("/nonexistent/other").read_bytes()


def test_paths_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        files.write_json(tmp_path, 1)
    with pytest.raises(InputError, match="part of its path is a file"):
        files.write_json(write(tmp_path / "f", b"") / "x.json", 1)
    with pytest.raises(InputError, match="cannot be written"):
        files.write_json(Path("/proc/nothing/x.json"), 1)


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path):
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
def test_invalid_json_is_refused_with_one_sentence(tmp_path, data, words):
    with pytest.raises(InputError, match=words):
        files.read_json(write(tmp_path / "x.json", data))

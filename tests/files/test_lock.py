"""The lock of a folder: one run at a time, and the lock of a process that has died is taken over."""

import json
import multiprocessing
import os
import socket

import pytest
from support.files import left, write

from inst import files
from inst.errors import InputError


def test_a_second_run_is_refused_and_names_the_holder(tmp_path):
    who = f"process {os.getpid()} on {socket.gethostname()}"
    with files.locked(tmp_path), pytest.raises(InputError, match=who), files.locked(tmp_path):
        pass
    with files.locked(tmp_path):
        pass
    assert left(tmp_path) == []


def test_the_lock_is_released_after_an_exception(tmp_path):
    with pytest.raises(KeyError), files.locked(tmp_path):
        raise KeyError
    assert left(tmp_path) == []


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
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


def test_the_lock_of_another_host_is_respected(tmp_path):
    lock = write(tmp_path / "run.lock", json.dumps({"host": "elsewhere", "pid": 1}).encode())
    with pytest.raises(InputError, match=r"process 1 on elsewhere: .*delete .*run\.lock"), files.locked(lock):
        pass
    assert lock.exists()


def test_an_empty_lock_file_is_taken_over_only_when_it_is_old(tmp_path):
    lock = write(tmp_path / "run.lock", b"")
    with pytest.raises(InputError, match="another run"), files.locked(lock):
        pass
    os.utime(lock, (0, 0))
    with files.locked(lock):
        pass

"""The lock of a folder: one run at a time, and the lock of a process that has died is taken over."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from filelock import FileLock
from support.files import left, write

from inst import files
from inst.errors import InputError

HOLD = """
import os, signal, sys
from pathlib import Path
from inst import files
with files.locked(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


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
    lock = tmp_path / "run.lock"
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"process {child.pid} on {socket.gethostname()}"), files.locked(lock):
        pass
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert json.loads(lock.read_text())["pid"] == child.pid
    with files.locked(lock):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    assert left(tmp_path) == []


def test_a_lock_of_a_process_number_in_use_again_is_taken_over(tmp_path):
    lock = write(tmp_path / "run.lock", json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode())
    with files.locked(lock):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    assert left(tmp_path) == []


def test_the_lock_of_another_host_is_respected(tmp_path):
    lock = write(tmp_path / "run.lock", json.dumps({"host": "elsewhere", "pid": 1}).encode())
    with pytest.raises(InputError, match=r"process 1 on elsewhere: .*delete .*run\.lock"), files.locked(lock):
        pass
    assert left(tmp_path) == ["run.lock"]


def test_a_lock_without_content_stands_while_it_is_held(tmp_path):
    """Its writer is between taking the lock and writing who it is, or was killed there."""
    lock = write(tmp_path / "run.lock", b"")
    with FileLock(f"{lock}.guard"), pytest.raises(InputError, match="another run"), files.locked(lock):
        pass
    with files.locked(lock):
        pass
    assert left(tmp_path) == []


def test_a_child_process_does_not_keep_the_lock(tmp_path):
    with files.locked(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    with files.locked(tmp_path):
        pass
    child.kill()
    child.wait()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="permission denied"), files.locked(tmp_path):
        pass

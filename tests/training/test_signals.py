"""Signals: a run stops in good order, and only a launcher's child stops because its parent is gone."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inst.training.signals import StopRequest, stop_on_signals

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
RUN = """
import sys, time
from pathlib import Path
from inst.training.signals import stop_on_signals

folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
with stop_on_signals() as stop:
    (folder / "started").touch()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop.asked:
        time.sleep(0.05)
    print("saving", flush=True)
    (folder / "result").write_text("stopped" if stop.asked else "went on")
sys.exit(stop.exit_code)
"""
"""A run that works for some seconds, then writes whether it was stopped."""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "run.py"
    path.write_text(RUN)
    return path


def wait_for(path, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.1)  # what is written is written whole
    return path.read_text()


def test_the_first_signal_asks_and_the_handlers_are_restored():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert not stop.asked and stop.exit_code == 0
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        assert stop.asked and stop.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_that_a_launcher_passes_on_is_one_signal():
    with stop_on_signals() as stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        time.sleep(0.05)
        assert stop.asked


def test_a_second_signal_ends_at_once():
    code = (
        "import os, signal, time\nfrom inst.training.signals import stop_on_signals\n"
        "with stop_on_signals():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(1.2)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(30)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, env=ENVIRONMENT)
    assert done.returncode == 130


def test_a_detached_run_goes_on_when_its_shell_exits(script, tmp_path):
    """The shell exits while the run works, which changes the run's parent."""
    detached = f"nohup {sys.executable} {script} {tmp_path} 2 > log 2>&1 & until [ -e started ]; do sleep 0.05; done"
    subprocess.run(["sh", "-c", detached], cwd=tmp_path, env=ENVIRONMENT, check=True, timeout=60)
    assert wait_for(tmp_path / "result") == "went on"


def test_nohup_keeps_a_run_from_the_hangup_of_its_terminal(script, tmp_path):
    run = subprocess.Popen(
        ["nohup", sys.executable, script, tmp_path, "2"],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(tmp_path / "started")
    run.send_signal(signal.SIGHUP)
    assert run.wait(timeout=60) == 0
    assert (tmp_path / "result").read_text() == "went on"


def test_a_terminal_that_closes_stops_its_run_in_good_order(script, tmp_path):
    """The run still prints: to a terminal that is gone, where writing is an error."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        os.execve(sys.executable, [sys.executable, str(script), str(tmp_path), "60"], ENVIRONMENT)
    wait_for(tmp_path / "started")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129
    assert (tmp_path / "result").read_text() == "stopped"


def test_a_launchers_child_stops_when_the_launcher_is_killed(script, tmp_path):
    launcher = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "1",
         script, tmp_path, "60"],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(tmp_path / "started")
    launcher.kill()
    launcher.wait()
    assert wait_for(tmp_path / "result", seconds=10) == "stopped"


@pytest.mark.parametrize(
    ("command", "launched"),
    [
        (["python", "/venv/bin/torchrun", "--nproc_per_node", "2", "train.py"], True),
        (["python", "-m", "torch.distributed.run", "train.py"], True),
        (["python", "-m", "accelerate.commands.launch", "--cpu", "train.py"], True),
        (["/venv/bin/accelerate", "launch", "train.py"], True),
        (["bash", "-c", "torchrun train.py"], False),
        (["make", "train"], False),
        ([], False),
    ],
)
def test_a_launcher_is_known_by_its_command_line(command, launched, monkeypatch):
    monkeypatch.setattr("inst.training.signals.parent_command", lambda: command)
    assert StopRequest().launcher == (os.getppid() if launched else None)

"""What trainers share: stopping in good order, early stop, a state that comes back whole."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from inst.errors import InputError
from inst.files import write_safetensors
from inst.training.shared import BestLoss, load_state, optimizer_tensors, restore_optimizer, save_state, stopping


def test_the_first_signal_asks_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with stopping() as stop:
        assert not stop.asked and stop.exit_code == 0
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        assert stop.asked and stop.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_that_a_launcher_passes_on_is_one_signal():
    with stopping() as stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        time.sleep(0.05)
        assert stop.asked


def test_a_second_signal_ends_at_once():
    code = (
        "import os, signal, time\nfrom inst.training.shared import stopping\n"
        "with stopping():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(1.2)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(30)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 130


def test_a_child_whose_parent_is_gone_stops():
    code = (
        "import os, time\nfrom inst.training.shared import stopping\n"
        "read, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        with stopping() as stop:\n"
        "            while not stop.asked: time.sleep(0.05)\n"
        "        os.write(write, b'stopped'); os._exit(0)\n"
        "    time.sleep(0.3); os._exit(0)\n"
        "os.close(write)\nprint(os.read(read, 7).decode())"
    )
    out = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True, text=True).stdout
    assert out.strip() == "stopped"


def test_early_stop_counts_validations_without_gain():
    best = BestLoss(patience=2)
    assert best.update(1.0) and best.update(0.9)
    assert not best.update(0.95)
    assert best.update(0.8999) and best.waited == 2  # lower, and too little to count
    assert best.exhausted
    assert not BestLoss(patience=0, waited=99).exhausted


def test_a_state_comes_back(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_state(tmp_path / "a.state", optimizer_tensors(optimizer), {"step": 7})
    tensors, metadata = load_state(tmp_path / "a.state")
    other = torch.optim.AdamW(model.parameters(), lr=0.1)
    restore_optimizer(other, tensors)
    assert metadata["step"] == 7
    for key, value in optimizer_tensors(optimizer).items():
        assert torch.equal(optimizer_tensors(other)[key], value)


def test_a_file_that_is_no_state(tmp_path):
    write_safetensors(tmp_path / "a.state", {"x": torch.ones(1)}, {})
    with pytest.raises(InputError, match="not a training state"):
        load_state(tmp_path / "a.state")

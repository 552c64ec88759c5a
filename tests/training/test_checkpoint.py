"""Checkpoints: what is saved comes back, and only to the run that it belongs to."""

import warnings

import pytest
import torch

from inst.errors import InputError, InstWarning
from inst.files import write_safetensors
from inst.training.checkpoint import Checkpoint, identity_of
from inst.training.random_state import random_states, restore_random_states
from inst.training.tensors import optimizer_tensors, restore_optimizer


def test_a_state_comes_back(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint = Checkpoint(tmp_path / "a.state", "this run")
    checkpoint.save(optimizer_tensors(optimizer), {"step": 7})
    tensors, metadata = checkpoint.load()
    other = torch.optim.AdamW(model.parameters(), lr=0.1)
    restore_optimizer(other, tensors)
    assert metadata["step"] == 7
    for key, value in optimizer_tensors(optimizer).items():
        assert torch.equal(optimizer_tensors(other)[key], value)
    checkpoint.remove()
    checkpoint.remove()
    assert not checkpoint.exists


def test_a_state_of_another_run_is_refused(tmp_path):
    Checkpoint(tmp_path / "a.state", "one").save({"x": torch.ones(1)}, {})
    with pytest.raises(InputError, match="was saved with another painting, model or settings: give the ones"):
        Checkpoint(tmp_path / "a.state", "other", "painting, model or settings").load()


def test_a_file_that_is_no_state(tmp_path):
    write_safetensors(tmp_path / "a.state", {"x": torch.ones(1)}, {})
    with pytest.raises(InputError, match="not a training state"):
        Checkpoint(tmp_path / "a.state").load()


@pytest.mark.parametrize("header", ["{", "3", "[" * 9999])
def test_a_damaged_header_is_refused(tmp_path, header):
    write_safetensors(tmp_path / "a.state", {"x": torch.ones(1)}, {"state": header})
    with pytest.raises(InputError, match=r"a\.state has a damaged header"):
        Checkpoint(tmp_path / "a.state").load()


def test_a_state_of_an_older_version_is_refused(tmp_path):
    write_safetensors(tmp_path / "a.state", {"x": torch.ones(1)}, {"state": '{"step": 3, "identity": ""}'})
    with pytest.raises(InputError, match="another version of inst"):
        Checkpoint(tmp_path / "a.state").load()


def test_a_state_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.warns(InstWarning, match="the training state was not saved .* the run goes on"):
        Checkpoint(tmp_path / "folder" / "a.state").save({"x": torch.ones(1)}, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Checkpoint(tmp_path / "a.state").save({"x": torch.ones(1)}, {})


def test_an_identity_is_of_settings_and_values():
    base = identity_of({"seed": 0}, torch.ones(2), "a hat")
    assert identity_of({"seed": 0}, torch.ones(2), "a hat") == base
    others = [identity_of({"seed": 1}, torch.ones(2), "a hat"), identity_of({"seed": 0}, torch.zeros(2), "a hat")]
    assert base not in others and len({*others, identity_of({"seed": 0}, torch.ones(2), "a cap")}) == 3


# Random states


class FakeDevice:
    """The random generator of a GPU, as ``torch.cuda`` and ``torch.mps`` give access to it."""

    def __init__(self):
        self.state = torch.tensor([1, 2, 3], dtype=torch.uint8)

    def get_rng_state(self, device=None):
        return self.state.clone()

    def set_rng_state(self, state, device=None):
        self.state = state.clone()


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_the_generator_of_the_device_is_restored_too(kind, monkeypatch):
    """Dropout on a GPU draws from the GPU's own generator."""
    fake, device = FakeDevice(), torch.device(kind)
    for name in ("get_rng_state", "set_rng_state"):
        monkeypatch.setattr(f"torch.{kind}.{name}", getattr(fake, name))
    states = random_states(device)
    assert set(states) == {"cpu", kind}
    expected = torch.rand(3)
    fake.state = torch.tensor([9, 9, 9], dtype=torch.uint8)
    restore_random_states(states, device)
    assert fake.state.tolist() == [1, 2, 3] and torch.equal(torch.rand(3), expected)
    fake.state = torch.tensor([9, 9, 9], dtype=torch.uint8)
    restore_random_states(states, torch.device("cpu"))  # resumed on another machine
    assert fake.state.tolist() == [9, 9, 9] and torch.equal(torch.rand(3), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_dropout_on_a_gpu_goes_on_where_it_stopped():
    device = torch.device("cuda")
    ones = torch.ones(1000, device=device)
    states = random_states(device)
    first = torch.nn.functional.dropout(ones)
    torch.nn.functional.dropout(ones)
    restore_random_states(states, device)
    assert torch.equal(torch.nn.functional.dropout(ones), first)

"""Well-formed pickles: tensors and plain data are read, objects of other classes become inert stubs."""

import pickle
import sys
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from support.files import write

from inst import files
from inst.errors import InputError


class Thing:
    pass


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_of_both_formats_are_read(tmp_path, legacy):
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
    assert (
        read["a"].data_ptr() == read["view"].data_ptr() - 6 * 4
    )  # both tensors share one storage, as when they were saved
    read["a"].zero_()
    assert torch.equal(files.read_pickle(path)["a"], shared)  # modifying a tensor does not modify the file


def test_a_state_dict_with_metadata_and_numpy_numbers(tmp_path):
    linear = torch.nn.Linear(2, 3)
    torch.save({"state_dict": linear.state_dict(), "lr": np.float64(0.25), "n": np.int32(7)}, tmp_path / "x.ckpt")
    read = files.read_pickle(tmp_path / "x.ckpt")
    assert torch.equal(read["state_dict"]["weight"], linear.weight)
    assert (read["lr"], read["n"]) == (0.25, 7)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_pickles_of_every_binary_protocol_are_read(tmp_path, protocol):
    data = {"s": "ü\n", "b": b"\1", "l": [1, [2.5, -3, 300, 70_000, -(2**40)]], "f": frozenset({1}), "c": 1 + 2j}
    data["d"] = defaultdict(list, x=1)
    data["a"] = bytearray(b"abc")
    read = files.read_pickle(write(tmp_path / "x.pkl", pickle.dumps(data, protocol)))
    assert read == data


def test_objects_of_other_classes_become_stubs_with_their_state(tmp_path):
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


def test_a_lightning_checkpoint_with_callback_classes_is_read(tmp_path, monkeypatch):
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


def test_the_state_dict_of_a_pickled_module_is_read_without_its_class(tmp_path):
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


def test_an_exponentially_large_module_graph_is_refused_in_time():
    """40 levels that each reference the next one twice give 2^40 paths without a single tensor."""
    module = files.Inert("m", state={"_parameters": {}})
    for _ in range(40):
        module = files.Inert("m", state={"_parameters": {}, "_modules": {"a": module, "b": module}})
    with pytest.raises(InputError, match="no end"):
        files.module_state_dict(module)


def test_module_members_can_be_looked_up_by_the_caller():
    inner = files.Inert("wrapper", ({"_parameters": {"w": torch.ones(2)}},))
    outer = files.Inert("wrapper", ({"_parameters": {}, "_modules": {"a": inner}},))
    state = files.module_state_dict(outer, lambda module: module.args[0])
    assert state.keys() == {"a.w"}

"""Valid files of every kind, damaged at random: each is read or refused in one sentence, in little memory and time."""

import io
import pickle
import random
import tracemalloc
import zipfile
from argparse import Namespace
from collections import OrderedDict

import numpy as np
import pytest
import torch
from support.files import write
from support.pickles import name
from torch import nn

from inst import files
from inst.errors import InputError

CASES = 70
"""A kind of file. Thousands with other seeds found no fault either."""
SNIPPETS = [
    *(bytes([opcode]) for opcode in b"RbsuaetQ(012)]}N.\x81\x85\x90\x91\x92\x93\x94\x8f"),
    *(b"r\xff\xff\xff\x7f", b"j\xff\xff\xff\x7f", b"\x95" + b"\xff" * 7 + b"\0", b"\x96" + b"\xff" * 5 + b"\0\0\0"),
    *(b"\x8b\xff\xff\xff\x7f", b"\x8e" + b"\xff" * 7 + b"\x7f", b"X\xff\xff\xff\x7f", b"h\0", b"q\0", b"\x82\1"),
    *(name("os", "system"), name("builtins", "set"), name("torch._utils", "_rebuild_tensor_v2")),
]


def torch_file(content, legacy: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def lightning_checkpoint():
    state = OrderedDict(w=torch.ones(3, 4), b=torch.ones(2).half(), p=nn.Parameter(torch.ones(2)))
    optimizer = {"state": {0: {"step": torch.tensor(3)}}, "betas": (0.9, 0.99)}
    return {"state_dict": state, "optimizer_states": [optimizer], "lr": np.float64(0.5), "hparams": Namespace(a=[1])}


KINDS = {
    "zip": lambda: torch_file(lightning_checkpoint(), legacy=False),
    "legacy": lambda: torch_file(lightning_checkpoint(), legacy=True),
    "module in a zip": lambda: torch_file({"attention": nn.Sequential(nn.Linear(3, 3))}, legacy=False),
    "module in a legacy file": lambda: torch_file({"attention": nn.Sequential(nn.Linear(3, 3))}, legacy=True),
    "bare, protocol 2": lambda: pickle.dumps(lightning_checkpoint(), 2),
    "bare, protocol 5": lambda: pickle.dumps(lightning_checkpoint(), 5),
    "arrays": lambda: pickle.dumps([[np.ones(3), np.ones(2, np.float32)]] * 2, 4),
}


def damaged(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """One to eight flipped bits, changed bytes, cuts, insertions of opcodes, repetitions, pieces of other files."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        place, length = rng.randrange(len(changed) or 1), rng.randrange(1, 60)
        other = rng.choice([data, *others])
        start = rng.randrange(len(other))
        match rng.randrange(7):
            case 0 if changed:
                changed[place] ^= 1 << rng.randrange(8)
            case 1 if changed:
                changed[place] = rng.randrange(256)
            case 2:
                del changed[place:]
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = rng.choice(SNIPPETS)
            case 5:
                changed[place : place + 1] = rng.choice(SNIPPETS)
            case _:
                changed[place:place] = other[start : start + length]
    return bytes(changed) or b"\x80"


def damaged_inside(archive: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A whole zip whose pickle is damaged."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, damaged(data, others, rng) if entry.endswith("data.pkl") else data)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused(tmp_path, kind):
    valid, others = KINDS[kind](), [make() for make in KINDS.values()]
    assert files.read_pickle(write(tmp_path / "valid.pt", valid))
    rng = random.Random(kind)
    outcomes = {"read": 0, "refused": 0}
    tracemalloc.start()
    try:
        for case in range(CASES):
            inside = valid.startswith(b"PK") and case % 3
            data = (damaged_inside if inside else damaged)(valid, others, rng)
            path = write(tmp_path / "damaged.pt", data)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            try:
                files.read_pickle(path)
                outcomes["read"] += 1
            except InputError as error:
                assert "\n" not in str(error) and len(str(error)) < 600
                outcomes["refused"] += 1
            assert tracemalloc.get_traced_memory()[1] - before < 250 * len(data) + 200_000, case
    finally:
        tracemalloc.stop()
    assert all(outcomes.values()), "the damage is either never noticed or always fatal: this tests nothing"

"""Hand-assembled pickles, and an object whose pickle would run a command."""

import os
import struct
from pathlib import Path

import pytest

from inst import files
from inst.errors import InputError


class Touch:
    """Creates a file when it is unpickled by an ordinary unpickler."""

    def __init__(self, path, function=os.system):
        self.path, self.function = path, function

    def __reduce__(self):
        return self.function, (f"touch {self.path}",)


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        files.read_pickle(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def assembled(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


TENSOR = name("torch._utils", "_rebuild_tensor_v2")

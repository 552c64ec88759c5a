"""Numpy's array files, without the pickles they can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inst.errors import InputError
from inst.files.faults import explained, one_line, readable, refuse_larger

_MAX_ARRAY = 8 * 2**30


def read_array(path: Path, *, max_bytes: int = _MAX_ARRAY) -> np.ndarray:
    """The numbers of a ``.npy`` file.

    Raises:
        InputError: missing, too large, something else by content, cut short, or holding Python objects.
    """
    with explained(path, "read"):
        refuse_larger(path, max_bytes)
        with path.open("rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise InputError(f"{path} is not a NumPy array: give a .npy file")
            file.seek(0)
            try:
                return np.lib.format.read_array(file, allow_pickle=False)
            except (ValueError, EOFError, SyntaxError, MemoryError) as error:
                size = readable(path.stat().st_size)
                raise InputError(f"{path} ({size}) is a damaged or unsafe array: {one_line(error)}") from error

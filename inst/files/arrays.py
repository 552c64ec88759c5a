"""NumPy array files, read without executing the pickles they may contain."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from inst.errors import InputError
from inst.files.faults import explain_os_errors, format_size, one_line, refuse_larger
from inst.files.pickles import Inert

_MAX_ARRAY = 8 * 2**30


def read_array(path: Path, *, max_bytes: int = _MAX_ARRAY) -> np.ndarray:
    """The array in a ``.npy`` file.

    Args:
        path: the file.
        max_bytes: larger files are refused before they are read.

    Raises:
        InputError: the file is missing, too large, not a ``.npy`` file by its content, truncated, or contains Python
            objects.
    """
    with explain_os_errors(path, "read"):
        refuse_larger(path, max_bytes)
        with path.open("rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise InputError(f"{path} is not a NumPy array: give a .npy file")
            file.seek(0)
            try:
                return np.lib.format.read_array(file, allow_pickle=False)
            except (ValueError, EOFError, SyntaxError, MemoryError) as error:
                size = format_size(path.stat().st_size)
                raise InputError(f"{path} ({size}) is a damaged or unsafe array: {one_line(error)}") from error


def array_of(found: object) -> np.ndarray | None:
    """The NumPy array that a stub of ``read_pickle`` describes, or ``None`` if it does not describe one."""
    if not isinstance(found, Inert) or not re.fullmatch(r"numpy\._?core\.multiarray\._reconstruct", found.name):
        return None
    match found.state:
        case (
            int(),
            tuple(shape),
            Inert(name="numpy.dtype", args=(str(code), *_)) as dtype,
            bool(fortran),
            bytes(data),
        ):
            pass
        case _:
            return None
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "|"
    if not isinstance(code, str) or not re.fullmatch(r"[biuf][1248]", code) or order not in ("<", ">", "|"):
        return None
    kind = np.dtype(f"{order}{code}")
    if not all(type(side) is int and side >= 0 for side in shape) or math.prod(shape) * kind.itemsize != len(data):
        return None
    return np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C").copy()

"""What a name in a pickle stands for: real data types, a stub, or a refusal. Nothing is ever looked up by name."""

from __future__ import annotations

import math
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inst.files.pickles.machine import Constructor, Inert, InertName, Machine, PickleError, checked_key


@dataclass(frozen=True)
class StorageType:
    """``torch.FloatStorage`` and its kin: the element type of raw bytes."""

    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Storage:
    """Raw elements in the file, not read yet.

    Attributes:
        numel: how many elements.
        read: maps them into memory as a flat tensor, ``None`` while only their places are looked for.
    """

    dtype: torch.dtype
    numel: int
    read: Callable[[], Tensor] | None


_STORAGE_TYPES = {
    **{f"torch.{name}Storage": StorageType(dtype) for name, dtype in {
        "Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16,
        "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
        "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
    }.items()},
    "torch.storage.UntypedStorage": StorageType(torch.uint8),
    "torch.UntypedStorage": StorageType(torch.uint8),
}  # fmt: skip
_DTYPES = {
    f"torch.{name}": getattr(torch, name)
    for name in (
        *("float64", "float32", "float16", "bfloat16", "float", "double", "half", "complex64", "complex128"),
        *("int64", "int32", "int16", "int8", "uint8", "bool", "long", "int", "short"),
    )
}

# Modules of the standard library whose names turn up in honest checkpoints: stubs. The others (os, subprocess,
# builtins, operator, …) have no place in one: the file is refused by name.
_HARMLESS = {"argparse", "collections", "copy_reg", "copyreg", "datetime", "decimal", "enum", "fractions", "functools"}
_HARMLESS |= {"logging", "pathlib", "random", "re", "string", "time", "types", "typing", "uuid"}
_REFUSED = re.compile(
    r"torch\.(load|hub\..*|jit\..*|package\..*|serialization\.load|utils\.cpp_extension\..*|ops\..*|compile)"
    r"|torch\.(multiprocessing|distributed|_inductor|_dynamo)\..*"
    r"|numpy\.(load|fromfile|memmap|save.*|f2py\..*|distutils\..*|testing\..*)"
)


def resolve(name: str, inert: frozenset[str]) -> object:
    """The constructor, type or stub for a dotted name.

    Args:
        inert: names that stay stubs although their module would be refused.

    Raises:
        PickleError: the name has no place in a model file.
    """
    name = re.sub(r"^__builtins?__\.", "builtins.", name)  # Python 2's, which torch's protocol 2 keeps
    if name in _CONSTRUCTORS:
        return _CONSTRUCTORS[name]
    if (data := _STORAGE_TYPES.get(name.replace("torch.cuda.", "torch."))) or (data := _DTYPES.get(name)):
        return data
    if name not in inert and _is_refused(name):
        shown = re.sub(r"[^\w.]", "?", name)[:80]
        raise PickleError(f"it wants to run {shown}, which has no place in a model file: do not trust where it is from")
    return InertName(name)


def _is_refused(name: str) -> bool:
    top = name.split(".", 1)[0]
    python_2 = {"commands", "posix", "nt", "urllib2", "cPickle", "ntpath", "posixpath"}
    foreign = {"dill", "cloudpickle", "joblib", "pip", "setuptools", "requests", "IPython", "pty"}
    stdlib = top in sys.stdlib_module_names and top not in _HARMLESS
    return stdlib or top in python_2 or top in foreign or bool(_REFUSED.fullmatch(name))


# Tensors


def _rebuild_tensor(
    machine: Machine, storage: object, offset: object, size: object, stride: object, *rest: object
) -> Tensor:
    """``torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])``."""
    if not isinstance(storage, Storage):
        raise PickleError("a tensor in it has no storage")
    return _view(storage, offset, size, stride)


def _rebuild_typed(
    machine: Machine, storage: object, offset: object, size: object, stride: object, *rest: object
) -> Tensor:
    """``_rebuild_tensor_v3``: the storage is bytes, the dtype comes third after the strides."""
    dtype = rest[2] if len(rest) > 2 else None
    if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
        raise PickleError("a tensor in it has no storage")
    read = storage.read
    typed = None if read is None else (lambda: read().view(dtype))
    return _view(Storage(dtype, storage.numel // dtype.itemsize, typed), offset, size, stride)


def _view(storage: Storage, offset: object, size: object, stride: object) -> Tensor:
    lengths, steps, start = _integers(size), _integers(stride), _integers((offset,))[0]
    count = math.prod(lengths)
    last = start + sum((length - 1) * step for length, step in zip(lengths, steps, strict=True)) if count else 0
    # A stride of 0 would let a file of a few bytes unfold to any size later on.
    if count and (last >= storage.numel or count > storage.numel):
        raise PickleError("a tensor in it reaches beyond its data")
    if storage.read is None or not count:
        return torch.empty(lengths if not count else (0,), dtype=storage.dtype)
    return torch.as_strided(storage.read(), lengths, steps, start)


def _integers(values: object) -> tuple[int, ...]:
    if not isinstance(values, Sequence) or len(values) > 32:
        raise PickleError("a tensor in it has no proper shape")
    integers = tuple(value for value in values if type(value) is int and 0 <= value < 2**48)
    if len(integers) != len(values):
        raise PickleError("a tensor in it has a negative or absurd size, stride or offset")
    return integers


def _rebuild_parameter(machine: Machine, data: object, *rest: object) -> object:
    """A parameter is its tensor: nobody trains what was read."""
    return data


def _rebuild_subclass(machine: Machine, function: object, kind: object, args: object, state: object) -> object:
    """``torch._tensor._rebuild_from_type_v2``: a tensor with Python attributes, which are dropped."""
    if isinstance(function, Constructor) and isinstance(args, tuple):
        return function.make(machine, *args)
    raise PickleError("a tensor in it is made by an unknown function")


# Plain Python and numpy


def _copy_of(machine: Machine, *args: object) -> list[object]:
    if not args:
        return []
    (items,) = args
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise PickleError("it makes a collection out of something else")
    machine.charge(len(items))
    return list(items)


def _make_set(machine: Machine, *args: object) -> set[object]:
    return {checked_key(item) for item in _copy_of(machine, *args)}


def _make_ordered_dict(machine: Machine, *args: object) -> OrderedDict[object, object]:
    made: OrderedDict[object, object] = OrderedDict()
    for pair in _copy_of(machine, *args):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise PickleError("it makes a dictionary out of something else")
        made[checked_key(pair[0])] = pair[1]
    return made


def _make_default_dict(machine: Machine, *args: object) -> dict[object, object]:
    return {}


def _encode(machine: Machine, text: object, encoding: object = "latin1") -> bytes:
    """``_codecs.encode``: how protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleError("it encodes text in an unknown way")
    machine.charge(len(text))
    return text.encode("latin-1")


def _make_bytes(machine: Machine, *args: object) -> bytes:
    if args and not isinstance(args[0], bytes):  # bytes(10**12) would be taken literally
        return bytes(_small(item) for item in _copy_of(machine, *args))
    return args[0] if args and isinstance(args[0], bytes) else b""


def _small(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 256 else 0


def _make_complex(machine: Machine, real: object, imaginary: object) -> complex:
    if isinstance(real, float) and isinstance(imaginary, float):
        return complex(real, imaginary)
    raise PickleError("it has a complex number of other than floats")


def _make_size(machine: Machine, sizes: object) -> torch.Size:
    return torch.Size(_integers(sizes))


def _make_numpy_scalar(machine: Machine, dtype: object, data: object) -> object:
    """``numpy.core.multiarray.scalar(dtype, bytes)``: a Python number."""
    code = dtype.args[0] if isinstance(dtype, Inert) and dtype.name == "numpy.dtype" and dtype.args else None
    if not isinstance(code, str) or not re.fullmatch(r"[biuf][1248]", code) or not isinstance(data, bytes):
        return Inert("numpy.scalar", (dtype, data))
    state = dtype.state if isinstance(dtype, Inert) else None
    big = isinstance(state, tuple) and len(state) > 1 and state[1] == ">"
    return np.frombuffer(data, np.dtype((">" if big else "<") + code), count=1)[0].item()


def _reconstruct(machine: Machine, kind: object, *rest: object) -> Inert:
    """``copyreg._reconstructor(class, base, state)``: how protocol 2 makes objects without ``__new__``."""
    if not isinstance(kind, InertName):
        raise PickleError("it makes an object of no class")
    return Inert(kind.name, rest)


_MAKERS: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": _make_ordered_dict,
    "collections.defaultdict": _make_default_dict,
    "_codecs.encode": _encode,
    "copyreg._reconstructor": _reconstruct,
    "copy_reg._reconstructor": _reconstruct,
    "torch.Size": _make_size,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": _rebuild_typed,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "torch._tensor._rebuild_from_type_v2": _rebuild_subclass,
    "numpy.core.multiarray.scalar": _make_numpy_scalar,
    "numpy._core.multiarray.scalar": _make_numpy_scalar,
    "builtins.set": _make_set,
    "builtins.frozenset": lambda m, *args: frozenset(_make_set(m, *args)),
    "builtins.list": _copy_of,
    "builtins.dict": _make_ordered_dict,
    "builtins.bytes": _make_bytes,
    "builtins.bytearray": lambda m, *args: bytearray(_make_bytes(m, *args)),
    "builtins.complex": _make_complex,
}
# As names only: object is the base in copyreg._reconstructor, the others turn up as hyper-parameters.
_PLAIN_TYPES = ("object", "int", "float", "str", "bool", "tuple", "type", "slice", "range")
_CONSTRUCTORS: dict[str, Constructor | InertName] = {
    **{name: Constructor(name, make) for name, make in _MAKERS.items()},
    **{f"builtins.{name}": InertName(f"builtins.{name}") for name in _PLAIN_TYPES},
}

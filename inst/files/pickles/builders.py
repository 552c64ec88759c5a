"""The functions that create tensors and plain data for the names in a pickle. No name is ever imported."""

from __future__ import annotations

import math
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from inst.files.pickles.stubs import Inert, InertName, PickleError, checked_key, shown

if TYPE_CHECKING:
    from inst.files.pickles.unpickler import Unpickler

STORAGE_TYPES = {
    f"torch.{name}Storage": dtype for name, dtype in {
        "Double": torch.float64, "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16,
        "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
        "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
        "storage.Untyped": torch.uint8, "Untyped": torch.uint8,
    }.items()
}  # fmt: skip
DTYPES = {str(dtype): dtype for dtype in STORAGE_TYPES.values()}

# Nothing that a file names is ever run. But a file that names one of these is not an ordinary model, and the user
# should know. Of the standard library, only modules that occur in ordinary checkpoints are accepted.
_HARMLESS = {"argparse", "collections", "copy_reg", "copyreg", "datetime", "decimal", "enum", "fractions", "functools"}
_HARMLESS |= {"logging", "pathlib", "random", "re", "string", "time", "types", "typing", "uuid"}
_REFUSED = re.compile(
    r"(commands|posix|nt|urllib2|cPickle|ntpath|posixpath|dill|cloudpickle|joblib|pip|setuptools|requests|IPython|pty)\..*"
    r"|torch\.(load|compile|hub\..*|jit\..*|package\..*|ops\..*|serialization\.load|utils\.cpp_extension\..*)"
    r"|torch\.(multiprocessing|distributed|_inductor|_dynamo)\..*"
    r"|numpy\.(load|fromfile|memmap|save.*|f2py\..*|distutils\..*|testing\..*)"
)


def checked_name(name: str, inert: frozenset[str]) -> str:
    """The dotted name of a class or function in a pickle, with ``builtins`` for Python 2's ``__builtin__``.

    Args:
        inert: names to accept in any case.

    Raises:
        PickleError: the name does not belong in a model file, is too long, or contains control characters.
    """
    name = re.sub(r"^__builtins?__\.", "builtins.", name)
    if len(name) > 1000 or not name.isprintable():
        raise PickleError("it is damaged or cut short: a name in it is too long or no name")
    top = name.split(".", 1)[0]
    if name in BUILDERS or name in _PLAIN_TYPES or name in inert:
        return name
    if (top in sys.stdlib_module_names and top not in _HARMLESS) or _REFUSED.fullmatch(name):
        raise PickleError(
            f"it wants to run {shown(name)}, which has no place in a model file: do not trust where it is from"
        )
    return name


# Tensors

_TENSOR_STEPS = 16
"""Steps that one tensor counts as, because it takes a kilobyte and ten microseconds."""


@dataclass(eq=False)
class Storage:
    """The elements of one or more tensors.

    In torch's older files the elements follow the pickle. Therefore tensors are created empty, and become views of the
    elements in `locate`.
    """

    dtype: torch.dtype
    numel: int
    elements: torch.UntypedStorage | None = None
    views: list[tuple[Tensor, int, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)

    def locate(self, data: memoryview) -> int:
        """Use the start of ``data`` as the elements, copied only if not aligned; returns their length in bytes."""
        length = self.numel * self.dtype.itemsize
        if length > len(data):
            raise PickleError("a tensor in it reaches beyond its data")
        raw = torch.frombuffer(data, dtype=torch.uint8, count=length) if length else torch.empty(0, dtype=torch.uint8)
        aligned = raw.data_ptr() % (self.dtype.itemsize if self.dtype != torch.uint8 else 16) == 0
        self.elements = (raw if aligned else raw.clone()).untyped_storage()
        self._fill()
        return length

    def _fill(self) -> None:
        while self.views:
            tensor, *layout = self.views.pop()
            tensor.set_(self.elements, *layout)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _view(reader: Unpickler, storage: object, dtype: object, offset: object, size: object, stride: object) -> Tensor:
    """A tensor of ``torch._utils._rebuild_tensor_v2`` or ``_v3``; only the latter has its own dtype."""
    if not isinstance(storage, Storage) or not isinstance(dtype := dtype or storage.dtype, torch.dtype):
        raise PickleError("a tensor in it has no storage")
    start, lengths, steps = _integers((offset,))[0], _integers(size), _integers(stride)
    count, room = math.prod(lengths), storage.numel * storage.dtype.itemsize // dtype.itemsize
    last = start + sum((length - 1) * step for length, step in zip(lengths, steps, strict=True))
    # The number of elements is checked too, because strides of 0 would allow tensors of any size.
    if count and max(last, count - 1) >= room:
        raise PickleError("a tensor in it reaches beyond its data")
    reader.charge(_TENSOR_STEPS)
    tensor = torch.empty(0 if count else lengths, dtype=dtype, device="cpu")
    if count:
        storage.views.append((tensor, start, lengths, steps))
        if storage.elements is not None:
            storage._fill()
    return tensor


def _integers(values: object) -> tuple[int, ...]:
    if not isinstance(values, Sequence) or len(values) > 32:
        raise PickleError("a tensor in it has no proper shape")
    if not all(type(value) is int and 0 <= value < 2**48 for value in values):
        raise PickleError("a tensor in it has a negative or absurd size, stride or offset")
    return tuple(values)


def _of_subclass(reader: Unpickler, function: object, kind: object, args: object, state: object) -> object:
    """``torch._tensor._rebuild_from_type_v2``: a tensor with Python attributes, which are left out."""
    make = BUILDERS.get(function.name) if isinstance(function, InertName) else None
    if make is None or not isinstance(args, tuple):
        raise PickleError("a tensor in it is made by an unknown function")
    return make(reader, *args[:16])


# Plain Python and NumPy. Copied elements are counted, because a few opcodes can copy the same object many times.


def _items(reader: Unpickler, items: object = ()) -> list[object]:
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise PickleError("it makes a collection out of something else")
    reader.charge(len(items))
    return list(items)


def _set(reader: Unpickler, items: object = ()) -> set[object]:
    return set(map(checked_key, _items(reader, items)))


def _dict(reader: Unpickler, items: object = ()) -> OrderedDict[object, object]:
    pairs: list[Any] = _items(reader, items)
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise PickleError("it makes a dictionary out of something else")
    return OrderedDict((checked_key(key), value) for key, value in pairs)


def _bytes(reader: Unpickler, data: object = b"") -> bytes:
    """Not for numbers: ``bytes(n)`` would allocate n zeros."""
    data = data if isinstance(data, bytes) else bytes(_items(reader, data))  # pyright: ignore[reportArgumentType]
    reader.charge(len(data) // 64)
    return data


def _encode(reader: Unpickler, text: object, encoding: object = "latin1") -> bytes:
    """``_codecs.encode``, which protocol 2 writes for bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleError("it encodes text in an unknown way")
    return _bytes(reader, text.encode("latin-1"))


def _numpy_scalar(reader: Unpickler, dtype: object, data: object) -> object:
    """``numpy.core.multiarray.scalar(dtype, bytes)`` as a Python number."""
    match dtype, data:
        case Inert(name="numpy.dtype", args=(str(code), *_), state=state), bytes(raw):
            if re.fullmatch(r"[biuf][1248]", code):
                order = ">" if isinstance(state, tuple) and state[1:2] == (">",) else "<"
                return np.frombuffer(raw, np.dtype(order + code), count=1)[0].item()
    return Inert("numpy.scalar", (dtype, data))


def _reconstructed(reader: Unpickler, kind: object, base: object, state: object) -> Inert:
    """``copyreg._reconstructor(class, base, state)``, which protocol 2 writes for objects without ``__new__``."""
    if not isinstance(kind, InertName):
        raise PickleError("it makes an object of no class")
    return Inert(kind.name, (base, state))


_PLAIN_TYPES = {f"builtins.{kind.__name__}" for kind in (object, int, float, str, bool, tuple, type, slice, range)}
BUILDERS: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda reader, *factory: {},
    "copyreg._reconstructor": _reconstructed,
    "copy_reg._reconstructor": _reconstructed,
    "_codecs.encode": _encode,
    "builtins.set": _set,
    "builtins.frozenset": lambda reader, *items: frozenset(_set(reader, *items)),
    "builtins.list": _items,
    "builtins.dict": _dict,
    "builtins.bytes": _bytes,
    "builtins.bytearray": lambda reader, *data: bytearray(_bytes(reader, *data)),
    "builtins.complex": lambda reader, real, imaginary: complex(real, imaginary),
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    "torch.Size": lambda reader, sizes: torch.Size(_integers(sizes)),
    "torch.storage._load_from_bytes": lambda reader, data: reader.read_nested(data),
    "torch._utils._rebuild_tensor": lambda reader, storage, *layout: _view(reader, storage, None, *layout),
    "torch._utils._rebuild_tensor_v2": lambda reader, storage, *layout: _view(reader, storage, None, *layout[:3]),
    "torch._utils._rebuild_tensor_v3": lambda reader, storage, offset, size, stride, requires_grad, hooks, dtype, *_: (
        _view(reader, storage, dtype, offset, size, stride)
    ),
    # A parameter becomes its tensor: gradients of what was read are not needed.
    "torch._utils._rebuild_parameter": lambda reader, tensor, *_: tensor,
    "torch._utils._rebuild_parameter_with_state": lambda reader, tensor, *_: tensor,
    "torch._tensor._rebuild_from_type_v2": _of_subclass,
}
"""For each name, the function that is called in its place. Its first argument is the unpickler."""

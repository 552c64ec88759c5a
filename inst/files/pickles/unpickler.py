"""The standard library's pickle machine, with the opcodes replaced that a hostile file could misuse.

Nothing is imported: `Unpickler.find_class` returns an `InertName` for every name. Calling one creates an `Inert` stub,
or plain data and tensors where `builders` has a function for that name.

The base class is the library's implementation in Python, ``pickle._Unpickler``, because its opcodes can be replaced one
by one; the main loop, the framing and most opcodes are the library's. With ``find_class`` alone, as in the C
implementation, a file could still misuse these opcodes:

- REDUCE and NEWOBJ call any object on the stack. Here they only call an `InertName`, and do not copy the arguments,
  which a file can pass again and again.
- BUILD, APPEND, SETITEM and ADDITEMS call methods of any object on the stack, including tensors (``__setstate__``,
  ``add``). Here they only change stubs and plain containers.
- Dictionary keys and set items are hashed, and hashing deeply nested tuples crashes the interpreter. Here `checked_key`
  refuses them.
- BYTEARRAY8 and the memo allocate the size that the file claims. Here bytes are read first, and the memo is a
  dictionary.
- One byte of opcode can create 200 bytes of objects. Here the opcodes and copied elements are counted (`MAX_STEPS`).
- EXT reads a registry that other code fills, and text opcodes are not used by torch. Here opcodes are an allow-list.
"""

from __future__ import annotations

import io
import mmap
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from inst.files.pickles.builders import BUILDERS, DTYPES, STORAGE_TYPES, Storage, checked_name
from inst.files.pickles.stubs import Inert, InertName, PickleError, checked_key, described

MAX_STEPS = 4_000_000
"""Opcodes and copied elements in one file. A full checkpoint with its optimizer has about 400,000."""
_MAX_INTEGER_BYTES = 64


class Opcodes:
    """The handler of each opcode. Counts the opcodes of all pickles in one file, up to `MAX_STEPS`."""

    def __init__(self) -> None:
        self.steps_left = MAX_STEPS

    def __getitem__(self, opcode: int) -> Callable[[Unpickler], None]:
        self.steps_left -= 1
        if self.steps_left < 0:
            self.charge(0)
        handler = _HANDLERS.get(opcode)
        if handler is None:
            raise PickleError(f"it has the instruction {bytes([opcode])!r}, which no known writer uses")
        return handler

    def charge(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise PickleError("it asks for more work than any model file needs")


class Unpickler(pickle._Unpickler):
    """Reads one pickle. Whatever the file contains, ``load`` returns plain data, stubs and tensors, or raises.

    Args:
        stream: positioned at the start of the pickle, and behind its end after ``load``.
        opcodes: shared by all pickles in one file.
        inert: names that become stubs although the file would be refused for them.
        read_nested: reads a storage that is embedded in the pickle as bytes.

    Attributes:
        storages: by key, those that the pickle refers to. The caller has to give them their data.
    """

    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(
        self,
        stream: mmap.mmap | io.BytesIO,
        opcodes: Opcodes,
        inert: frozenset[str] = frozenset(),
        read_nested: Callable[[object], Storage] | None = None,
    ) -> None:
        # Python 2's strings: every byte sequence is valid Latin-1, and ASCII text is unchanged.
        super().__init__(stream, encoding="latin-1")
        self.dispatch = opcodes  # pyright: ignore[reportAttributeAccessIssue]
        self.charge, self.read_nested, self._inert = opcodes.charge, read_nested, inert
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> InertName | torch.dtype:
        full = checked_name(f"{module}.{name}", self._inert)
        self.charge(len(full) // 64)
        return DTYPES.get(full) or InertName(full)

    def persistent_load(self, pid: object) -> object:
        """``("storage", type, key, location, numel[, view])``, or in old files ``("module", class, file, source)``."""
        match pid:
            case ("module", InertName() as kind, *_):
                return kind
            case ("storage", InertName(name), str(key), str(), int(numel), *rest) if rest in ([], [None]):
                dtype = STORAGE_TYPES.get(name.replace("torch.cuda.", "torch."))
                if dtype and 0 <= numel < 2**48:
                    storage = self.storages.setdefault(key, Storage(dtype, numel))
                    if (storage.dtype, storage.numel) != (dtype, numel):
                        raise PickleError("it is damaged: two tensors disagree about their data")
                    return storage
        raise PickleError("it refers to data in a way that torch does not")

    def load_call(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        if not isinstance(args, tuple) or not isinstance(function, InertName):
            raise PickleError("it calls something that is no class or function")
        make = BUILDERS.get(function.name)
        try:
            # No builder takes 16 arguments. Thousands of them would be copied for each call.
            self.append(make(self, *args[:16]) if make else Inert(function.name, args))
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise PickleError(f"it calls {described(function)} with arguments that do not fit") from error

    def load_call_with_keywords(self) -> None:
        self.stack.pop()  # the keywords: no builder takes any, and stubs do not keep them
        self.load_call()

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Inert):
            target.state = state
        elif type(target) not in (dict, OrderedDict):
            # The attributes of a dictionary (_metadata of a state dict) are not needed.
            raise PickleError(f"it changes the attributes of {described(target)}")

    def load_append(self) -> None:
        self._append_all([self.stack.pop()])

    def load_appends(self) -> None:
        self._append_all(self.pop_mark())

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    def load_additems(self) -> None:
        items, target = self.pop_mark(), self.stack[-1]
        if not isinstance(target, set):
            raise PickleError(f"it adds to {described(target)}")
        target.update(map(checked_key, items))

    def load_frozenset(self) -> None:
        items = self.pop_mark()  # replaces self.append
        self.append(frozenset(map(checked_key, items)))

    def load_long4(self) -> None:
        if (length := int.from_bytes(self.read(4), "little")) > _MAX_INTEGER_BYTES:
            raise PickleError("it has an integer too large to be meant")
        self.append(pickle.decode_long(self.read(length)))

    def load_bytearray8(self) -> None:
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def _append_all(self, items: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, (list, Inert)):
            raise PickleError(f"it appends to {described(target)}")
        (target.entries if isinstance(target, Inert) else target).extend(items)

    def _set_items(self, items: list[object]) -> None:
        target, pairs = self.stack[-1], zip(items[::2], items[1::2], strict=True)
        if isinstance(target, Inert):
            target.entries.extend(pairs)
        elif isinstance(target, dict):
            target.update((checked_key(key), value) for key, value in pairs)
        else:
            raise PickleError(f"it sets an item of {described(target)}")


_KEPT = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT "
    "SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 SHORT_BINSTRING BINSTRING "
    "EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST LIST EMPTY_DICT EMPTY_SET "
    "BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL BINPERSID"
)
_REPLACED = {
    "REDUCE": Unpickler.load_call, "NEWOBJ": Unpickler.load_call, "NEWOBJ_EX": Unpickler.load_call_with_keywords,
    "BUILD": Unpickler.load_build, "APPEND": Unpickler.load_append, "APPENDS": Unpickler.load_appends,
    "SETITEM": Unpickler.load_setitem, "SETITEMS": Unpickler.load_setitems,
    "ADDITEMS": Unpickler.load_additems, "FROZENSET": Unpickler.load_frozenset, "LONG4": Unpickler.load_long4,
    "BYTEARRAY8": Unpickler.load_bytearray8,
}  # fmt: skip
_CODES = {name: getattr(pickle, name)[0] for name in (*_KEPT.split(), *_REPLACED)}
_HANDLERS: dict[int, Any] = {
    code: _REPLACED.get(name) or pickle._Unpickler.dispatch[code] for name, code in _CODES.items()
}

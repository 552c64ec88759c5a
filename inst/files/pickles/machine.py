"""A pickle interpreter that imports nothing and calls nothing but what it is handed.

``pickle.Unpickler`` with an overridden ``find_class`` still calls whatever lies on its stack, sets attributes of real
classes (BUILD), hashes tuples of any depth (a crash of the interpreter) and allocates a memo as large as the file asks
for. This one knows data, names and the constructors in its table; a name outside the table is data as well.
Protocols 2 to 5, as torch and its users write them. Opcodes: ``pickletools`` in the standard library.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from inst.errors import InputError

MAX_STEPS = 4_000_000
"""Opcodes in one file. A full checkpoint with its optimizer has about 400,000; each makes at most about 64 bytes."""
_MAX_INTEGER_BYTES = 64
_MARK = object()


class PickleError(InputError):
    """The pickle is damaged, or asks for what is not given; the message says which, without the file's name."""


@dataclass(frozen=True)
class InertName:
    """A class or function that a pickle names. Nothing was imported: it is its dotted name."""

    name: str


@dataclass(eq=False, repr=False)
class Inert:
    """An object that a pickle describes and that was not made.

    Attributes:
        name: dotted name of its class, or of the function that would have made it.
        args: what the constructor would have been called with.
        state: its ``__dict__`` (or whatever BUILD was given), ``None`` if there is none.
        entries: what was appended to it (list-like), or (key, value) pairs (dict-like).
    """

    name: str
    args: tuple[object, ...] = ()
    state: object = None
    entries: list[object] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Inert({self.name})"


@dataclass(frozen=True, eq=False)
class Constructor:
    """A name from the table of safe ones, with our own function for it."""

    name: str
    make: Callable[..., object]


class Machine:
    """Runs one pickle.

    Args:
        data: the file; offsets in it are what ``run`` takes and returns.
        resolve: what a dotted name stands for: a ``Constructor``, an ``InertName`` or plain data; may refuse.
        persistent: the object for a persistent id (torch: a storage).
        budget: opcodes and copied elements at most, instead of ``MAX_STEPS``.
    """

    def __init__(
        self,
        data: memoryview,
        *,
        resolve: Callable[[str], object],
        persistent: Callable[[object], object],
        budget: int | None = None,
    ) -> None:
        self._data, self._position = data, 0
        self._resolve, self._persistent = resolve, persistent
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}
        self._budget = MAX_STEPS if budget is None else budget

    def run(self, start: int = 0) -> tuple[object, int]:
        """The object pickled at ``start`` and the offset behind it."""
        self._position, self._stack, self._memo = start, [], {}
        try:
            while True:
                opcode = self._data[self._position]
                self._position += 1
                self._budget -= 1
                if self._budget < 0:
                    self.charge(0)
                if opcode == 0x2E:  # STOP
                    return self._pop(), self._position
                action = _ACTIONS.get(opcode)
                if action is None:
                    raise PickleError(f"it has the instruction {bytes([opcode])!r}, which no known writer uses")
                action(self)
        except (IndexError, KeyError, UnicodeDecodeError, struct.error) as error:
            raise PickleError("it is damaged or cut short") from error

    def charge(self, amount: int) -> None:
        """Counts steps and copied elements, so that a small file cannot ask for much work or memory."""
        self._budget -= amount
        if self._budget < 0:
            raise PickleError("it asks for more work than any model file needs")

    # Reading

    def _take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise PickleError("it is damaged or cut short")
        piece = bytes(self._data[self._position : end])
        self._position = end
        return piece

    def _unsigned(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _signed(self, width: int) -> int:
        if width > _MAX_INTEGER_BYTES:
            raise PickleError("it has an integer too large to be meant")
        return int.from_bytes(self._take(width), "little", signed=True)

    def _text(self, width: int) -> str:
        return self._take(self._unsigned(width)).decode("utf-8", "surrogatepass")

    def _line(self) -> str:
        start = self._position
        while self._take(1) != b"\n":
            if self._position - start > 1000:
                raise PickleError("it is damaged or cut short")
        return bytes(self._data[start : self._position - 1]).decode("utf-8")

    # The stack

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        value = self._stack.pop()
        if value is _MARK:
            raise PickleError("it is damaged or cut short")
        return value

    def _top(self) -> object:
        value = self._stack[-1]
        if value is _MARK:
            raise PickleError("it is damaged or cut short")
        return value

    def _pop_to_mark(self) -> list[object]:
        items: list[object] = []
        while (value := self._stack.pop()) is not _MARK:
            items.append(value)
        items.reverse()
        return items

    def _pop_tuple(self, count: int) -> tuple[object, ...]:
        return tuple(reversed([self._pop() for _ in range(count)]))

    # Instructions with a meaning of their own

    def _duplicate(self) -> None:
        self._push(self._top())

    def _memoize(self, index: int) -> None:
        self._memo[index] = self._top()

    def _name(self, module: str, name: str) -> None:
        self._push(self._resolve(f"{module}.{name}"))

    def _stack_name(self) -> None:
        module, name = self._pop_tuple(2)
        if not (isinstance(module, str) and isinstance(name, str)):
            raise PickleError("it names something by other than text")
        self._name(module, name)

    def _call(self, with_keywords: bool = False) -> None:
        keywords = self._pop() if with_keywords else {}
        args, function = self._pop(), self._pop()
        if not isinstance(args, tuple):
            raise PickleError("it is damaged or cut short")
        if isinstance(function, InertName):
            self._push(Inert(function.name, args))
        elif isinstance(function, Constructor) and not keywords:
            try:
                self._push(function.make(self, *args))
            except (TypeError, ValueError, OverflowError, RuntimeError) as error:
                raise PickleError(f"it calls {function.name} with arguments that do not fit") from error
        else:
            raise PickleError("it calls something that is no class or function")

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, Inert):
            target.state = state
        elif type(target) not in (dict, OrderedDict):
            # A dict's own attributes (a state dict's _metadata) carry nothing that is needed; the rest is refused.
            raise PickleError(f"it changes the attributes of {_described(target)}")

    def _append(self, items: list[object]) -> None:
        target = self._top()
        if isinstance(target, Inert):
            target.entries.extend(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise PickleError(f"it appends to {_described(target)}")

    def _set_items(self, items: list[object]) -> None:
        target = self._top()
        pairs = list(zip(items[::2], items[1::2], strict=False))
        if isinstance(target, Inert):
            target.entries.extend(pairs)
        elif isinstance(target, dict):
            target.update((checked_key(key), value) for key, value in pairs)
        else:
            raise PickleError(f"it sets an item of {_described(target)}")

    def _set_item(self) -> None:
        key, value = self._pop_tuple(2)
        self._set_items([key, value])

    def _add_items(self) -> None:
        items, target = self._pop_to_mark(), self._top()
        if not isinstance(target, set):
            raise PickleError(f"it adds to {_described(target)}")
        target.update(checked_key(item) for item in items)

    def _make_dict(self) -> None:
        items = self._pop_to_mark()
        self._push({})
        self._set_items(items)


def checked_key(key: object) -> Hashable:
    """A key whose hash is cheap. Hashing a deep tuple recurses without end inside the interpreter."""
    plain = (str, int, float, bytes, type(None), InertName, Inert)
    if isinstance(key, plain) or (isinstance(key, tuple) and len(key) < 64 and all(isinstance(k, plain) for k in key)):
        return key
    if isinstance(key, Hashable) and type(key).__module__ == "torch":  # dtypes
        return key
    raise PickleError(f"it has {_described(key)} for a key")


def _described(value: object) -> str:
    """Never ``repr``: it recurses through what the file built."""
    return value.name if isinstance(value, (InertName, Inert, Constructor)) else f"a {type(value).__name__}"


def _constant(value: object) -> Callable[[Machine], None]:
    return lambda m: m._push(value)


_ACTIONS: dict[int, Callable[[Machine], object]] = {
    ord("\x80"): lambda m: m._take(1),  # PROTO
    ord("\x95"): lambda m: m._take(8),  # FRAME: a hint for buffering
    ord("N"): _constant(None),
    ord("\x88"): _constant(True),
    ord("\x89"): _constant(False),
    ord("("): _constant(_MARK),
    ord(")"): _constant(()),
    ord("]"): lambda m: m._push([]),
    ord("}"): lambda m: m._push({}),
    ord("\x8f"): lambda m: m._push(set()),
    ord("K"): lambda m: m._push(m._unsigned(1)),
    ord("M"): lambda m: m._push(m._unsigned(2)),
    ord("J"): lambda m: m._push(m._signed(4)),
    ord("\x8a"): lambda m: m._push(m._signed(m._unsigned(1))),
    ord("\x8b"): lambda m: m._push(m._signed(m._unsigned(4))),
    ord("G"): lambda m: m._push(struct.unpack(">d", m._take(8))[0]),
    ord("\x8c"): lambda m: m._push(m._text(1)),
    ord("X"): lambda m: m._push(m._text(4)),
    ord("\x8d"): lambda m: m._push(m._text(8)),
    ord("C"): lambda m: m._push(m._take(m._unsigned(1))),
    ord("B"): lambda m: m._push(m._take(m._unsigned(4))),
    ord("\x8e"): lambda m: m._push(m._take(m._unsigned(8))),
    ord("\x96"): lambda m: m._push(bytearray(m._take(m._unsigned(8)))),
    # Python 2's strings: latin-1 loses nothing and reads its ASCII names as they are.
    ord("U"): lambda m: m._push(m._take(m._unsigned(1)).decode("latin-1")),
    ord("T"): lambda m: m._push(m._take(m._unsigned(4)).decode("latin-1")),
    ord("\x85"): lambda m: m._push(m._pop_tuple(1)),
    ord("\x86"): lambda m: m._push(m._pop_tuple(2)),
    ord("\x87"): lambda m: m._push(m._pop_tuple(3)),
    ord("t"): lambda m: m._push(tuple(m._pop_to_mark())),
    ord("l"): lambda m: m._push(m._pop_to_mark()),
    ord("d"): lambda m: m._make_dict(),
    ord("\x91"): lambda m: m._push(frozenset(checked_key(item) for item in m._pop_to_mark())),
    ord("a"): lambda m: m._append([m._pop()]),
    ord("e"): lambda m: m._append(m._pop_to_mark()),
    ord("s"): lambda m: m._set_item(),
    ord("u"): lambda m: m._set_items(m._pop_to_mark()),
    ord("\x90"): lambda m: m._add_items(),
    ord("0"): lambda m: m._stack.pop(),
    ord("1"): lambda m: m._pop_to_mark(),
    ord("2"): lambda m: m._duplicate(),
    ord("q"): lambda m: m._memoize(m._unsigned(1)),
    ord("r"): lambda m: m._memoize(m._unsigned(4)),
    ord("\x94"): lambda m: m._memoize(len(m._memo)),
    ord("h"): lambda m: m._push(m._memo[m._unsigned(1)]),
    ord("j"): lambda m: m._push(m._memo[m._unsigned(4)]),
    ord("c"): lambda m: m._name(m._line(), m._line()),
    ord("\x93"): lambda m: m._stack_name(),
    ord("R"): lambda m: m._call(),
    ord("\x81"): lambda m: m._call(),
    ord("\x92"): lambda m: m._call(with_keywords=True),
    ord("b"): lambda m: m._build(),
    ord("Q"): lambda m: m._push(m._persistent(m._pop())),
}

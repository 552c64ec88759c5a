"""Stubs for everything in a pickle that is neither plain data nor a tensor."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field

import torch

from inst.errors import InputError


class PickleError(InputError):
    """The pickle is damaged or hostile. The message does not contain the file's name."""


@dataclass(frozen=True)
class InertName:
    """A class or function that a pickle names, as its dotted name. Nothing was imported."""

    name: str


@dataclass(eq=False, repr=False)
class Inert:
    """An object that a pickle describes and that was not created.

    Attributes:
        name: dotted name of its class, or of the function that would have created it.
        args: positional arguments of that call.
        state: its ``__dict__`` or other state (opcode BUILD), ``None`` if there is none.
        entries: the items appended to it if it is like a list, (key, value) pairs if it is like a dictionary.
    """

    name: str
    args: tuple[object, ...] = ()
    state: object = None
    entries: list[object] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Inert({self.name})"


_FLAT_KEYS = (str, int, float, bytes, type(None), InertName, Inert, torch.dtype, torch.Tensor)


def checked_key(key: object) -> Hashable:
    """A key that can be hashed safely: a plain value, or a short tuple of plain values.

    Hashing deeply nested tuples overflows the interpreter's stack, or takes 2^n steps where n nested tuples contain the
    next one twice.
    """
    if isinstance(key, _FLAT_KEYS):
        return key
    if isinstance(key, tuple) and len(key) < 64 and all(isinstance(part, _FLAT_KEYS) for part in key):
        return key
    raise PickleError(f"it has {described(key)} for a key")


def described(value: object) -> str:
    """The kind of a value, for messages. ``repr`` is not used because it would print the value's whole content."""
    return shown(value.name) if isinstance(value, (InertName, Inert)) else f"a {type(value).__name__}"


def shown(name: str) -> str:
    """A name from a file, shortened and without special characters, for messages."""
    return re.sub(r"[^\w.]", "?", name)[:80]

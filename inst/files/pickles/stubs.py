"""What stands in for everything in a pickle that is neither plain data nor a tensor."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field

import torch

from inst.errors import InputError


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


_FLAT_KEYS = (str, int, float, bytes, type(None), InertName, Inert, torch.dtype, torch.Tensor)


def checked_key(key: object) -> Hashable:
    """A key whose hash is cheap.

    Hashing a tuple in a tuple in a tuple and so on overflows the interpreter's stack, or takes 2^n steps where each
    holds the next one twice.
    """
    if isinstance(key, _FLAT_KEYS):
        return key
    if isinstance(key, tuple) and len(key) < 64 and all(isinstance(part, _FLAT_KEYS) for part in key):
        return key
    raise PickleError(f"it has {described(key)} for a key")


def described(value: object) -> str:
    """For messages. Never ``repr``: it recurses through what the file built."""
    return shown(value.name) if isinstance(value, (InertName, Inert)) else f"a {type(value).__name__}"


def shown(name: str) -> str:
    """A name from a file, fit for a message."""
    return re.sub(r"[^\w.]", "?", name)[:80]

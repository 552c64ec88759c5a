"""Declaration and validation of options: default, help text, range and choices stand together in a dataclass field.

Settings are frozen dataclasses whose fields are declared with :func:`option`. The command line, YAML files and Python
calls therefore share one help text and one validation. This module imports only the standard library, so that
``--help`` stays fast.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True, kw_only=True)
... class Settings:
...     strength: float = option(0.6, "fraction of the schedule that noise is added for", low=0, high=1)
...     def __post_init__(self):
...         check_options(self)
>>> Settings(strength=1.2)
Traceback (most recent call last):
inst.errors.ConfigError: strength=1.2 is out of range: give 0 to 1
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from inst.errors import ConfigError

Settings = TypeVar("Settings")


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    flag: str | None = None,
    positional: bool = False,
) -> Any:
    """A dataclass field with its help text and the values it accepts.

    Args:
        default: the value when the option is not given; ``None`` means that the model's default applies.
        help: the help text on the command line.
        low, high: the accepted range, both ends included. NaN and infinity are never accepted.
        choices: the accepted values, if only some are.
        flag: a second, shorter name, accepted wherever options are named: flags, YAML, ``key=value`` and Python.
        positional: whether positional arguments are collected in this field, as in ``inst edit a.jpg b.jpg``.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "flag": flag, "positional": positional}
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(schema: type[Settings], values: Mapping[str, Any]) -> Settings:
    """A settings dataclass from keyword arguments.

    Args:
        values: by field name, or by the field's short name.

    Raises:
        ConfigError: an unknown name (with "did you mean"), a value of the wrong type, or one out of range.
    """
    return schema(**canonical_names(schema, values))


def canonical_names(schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values under their fields' names.

    Raises:
        ConfigError: a name that the schema does not have, or one option under both of its names.
    """
    fields = dataclasses.fields(schema)  # pyright: ignore[reportArgumentType]
    short = {field.metadata["flag"]: field.name for field in fields if field.metadata.get("flag")}
    known = {field.name for field in fields}
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = short.get(key, key)
        if name not in known:
            raise ConfigError(f"the option {key} is not known{did_you_mean(key, [*known, *short])}")
        if name in named:
            raise ConfigError(f"{key} and {name} are the same option: give one of them")
        named[name] = value
    return named


def option_names(*schemas: type) -> set[str]:
    """The names that the options of the schemas can be given under: field names and short names."""
    fields = [field for schema in schemas for field in dataclasses.fields(schema)]
    return {field.name for field in fields} | {field.metadata["flag"] for field in fields if field.metadata.get("flag")}


def check_options(settings: Any) -> None:
    """Check every field of a settings dataclass against its type, range and choices.

    Raises:
        ConfigError: a value is not accepted. The message names the option, the value and what is accepted.
    """
    hints = _hints(type(settings))
    for field in dataclasses.fields(settings):
        _check_value(field, hints[field.name], getattr(settings, field.name))


@cache
def _hints(schema: type) -> dict[str, Any]:
    return typing.get_type_hints(schema)


def _check_value(field: dataclasses.Field[Any], hint: Any, value: Any) -> None:
    name = field.name.replace("_", "-")
    low, high = field.metadata.get("low"), field.metadata.get("high")
    choices = field.metadata.get("choices")
    if value is None and type(None) in _members(hint):
        return
    if choices and value not in choices:
        raise ConfigError(
            f"{name}={value} is not known: choose {' | '.join(choices)}{did_you_mean(str(value), choices)}"
        )
    _check_type(name, hint, value, low, high)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name}={value} is not a finite number: give {_range(low, high)}")
    if isinstance(value, numbers.Real) and not isinstance(value, bool) and low is not None and value < low:
        raise ConfigError(f"{name}={value} is out of range: give {_range(low, high)}")
    if isinstance(value, numbers.Real) and not isinstance(value, bool) and high is not None and value > high:
        raise ConfigError(f"{name}={value} is out of range: give {_range(low, high)}")


def _check_type(name: str, hint: Any, value: Any, low: float | None, high: float | None) -> None:
    """Check that a number, string or boolean has the declared type. Other types are checked by their settings class."""
    kinds = [kind for kind in _members(hint) if kind is not type(None)]
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if kinds == [bool] and not isinstance(value, bool):
        raise ConfigError(f"{name}={value!r} is neither true nor false")
    if kinds == [float] and not number:
        raise ConfigError(f"{name}={value!r} is not a number: give {_range(low, high)}")
    if kinds == [int] and not (number and isinstance(value, numbers.Integral)):
        raise ConfigError(f"{name}={value!r} is not a whole number: give {_range(low, high)}")
    if kinds == [str] and not isinstance(value, str):
        raise ConfigError(f"{name}={value!r} is not text")


def _members(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "a finite number"
    if high is None:
        return f"{low:g} or more"
    return f"{low:g} to {high:g}" if low is not None else f"at most {high:g}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion for an error message: the known word most similar to ``word``, or ``""`` if none is similar.

    >>> did_you_mean("papr", ["fast", "paper"])
    ' (did you mean paper?)'
    """
    similar = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {similar[0]}?)" if similar else ""


def values_of(settings: Any, schema: type) -> dict[str, Any]:
    """The values of those fields of ``settings`` that ``schema``, a dataclass with fewer fields, declares."""
    fields = dataclasses.fields(schema)  # pyright: ignore[reportArgumentType]
    return {field.name: getattr(settings, field.name) for field in fields}

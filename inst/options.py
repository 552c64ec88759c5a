"""What an option may be: help text, range and choices, kept beside the field that holds it.

Settings are frozen dataclasses. Their fields are made by :func:`option`, so that the command line, the YAML files and
calls from Python share one help text and one check. Only the standard library is imported here: ``--help`` is quick.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from inst.errors import ConfigError

Settings = TypeVar("Settings")
_Run = TypeVar("_Run", bound=Any)


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
    """A dataclass field with its help text and what it accepts.

    Args:
        default: its value when nothing is given; ``None`` for "the model's own".
        low, high: the accepted range, both ends included; NaN is never accepted.
        choices: the accepted words.
        flag: the option's name on the command line, where that differs from the field's.
        positional: words without a flag go here, as in ``inst edit a.jpg b.jpg``.
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


def check_options(settings: Any) -> None:
    """Hold every field of a settings dataclass to its range and choices.

    Raises:
        ConfigError: naming the option, what was given and what is accepted.
    """
    for field in dataclasses.fields(settings):
        _check_value(field, getattr(settings, field.name))


def _check_value(field: dataclasses.Field[Any], value: Any) -> None:
    name = field.name.replace("_", "-")
    low, high = field.metadata.get("low"), field.metadata.get("high")
    choices = field.metadata.get("choices")
    if value is None:
        return
    if choices and value not in choices:
        raise ConfigError(
            f"{name}={value} is not known: choose {' | '.join(choices)}{did_you_mean(str(value), choices)}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name}={value} is not a number: give {_range(low, high)}")
    if isinstance(value, int | float) and not isinstance(value, bool) and low is not None and value < low:
        raise ConfigError(f"{name}={value} is out of range: give {_range(low, high)}")
    if isinstance(value, int | float) and not isinstance(value, bool) and high is not None and value > high:
        raise ConfigError(f"{name}={value} is out of range: give {_range(low, high)}")


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "a finite number"
    if high is None:
        return f"{low:g} or more"
    return f"{low:g} to {high:g}" if low is not None else f"at most {high:g}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" (did you mean …?)"`` for a word that is nearly a known one, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def part(settings: Any, schema: type[Settings]) -> Settings:
    """The fields of a larger settings object that a smaller schema declares."""
    names = [field.name for field in dataclasses.fields(schema)]  # pyright: ignore[reportArgumentType]
    return schema(**{name: getattr(settings, name) for name in names})


def filled(run: _Run, made: Mapping[str, Any]) -> _Run:
    """The run with what a picture was made with wherever nothing was given; what a run has no field for is left out."""
    plain, known = type(run)(), {field.name for field in dataclasses.fields(run)}
    wanted = {k: v for k, v in made.items() if k in known and v is not None and getattr(run, k) == getattr(plain, k)}
    return dataclasses.replace(run, **wanted)

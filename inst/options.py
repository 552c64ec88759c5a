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
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from inst.errors import ConfigError

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
    """A dataclass field with its help text and the values it accepts.

    Args:
        default: the value when the option is not given; ``None`` means that the model's default applies.
        help: the help text on the command line.
        low, high: the accepted range, both ends included. NaN and infinity are never accepted.
        choices: the accepted values, if only some are.
        flag: the option's name on the command line, if it differs from the field's name.
        positional: whether positional arguments are collected in this field, as in ``inst edit a.jpg b.jpg``.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "flag": flag, "positional": positional}
    return dataclasses.field(default=default, metadata=metadata)


def check_options(settings: Any) -> None:
    """Check every field of a settings dataclass against its range and choices. ``None`` is always accepted.

    Raises:
        ConfigError: a value is not accepted. The message names the option, the value and what is accepted.
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
        raise ConfigError(f"{name}={value} is not a finite number: give {_range(low, high)}")
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
    """A suggestion for an error message: the known word most similar to ``word``, or ``""`` if none is similar.

    >>> did_you_mean("papr", ["fast", "paper"])
    ' (did you mean paper?)'
    """
    similar = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {similar[0]}?)" if similar else ""


def filled(run: _Run, made: Mapping[str, Any]) -> _Run:
    """The run with what a picture was made with wherever nothing was given; what a run has no field for is left out."""
    plain, known = type(run)(), {field.name for field in dataclasses.fields(run)}
    wanted = {k: v for k, v in made.items() if k in known and v is not None and getattr(run, k) == getattr(plain, k)}
    return dataclasses.replace(run, **wanted)

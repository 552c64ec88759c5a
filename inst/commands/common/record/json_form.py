"""The ``inst`` text of a picture: the settings as JSON, from which the picture can be made again."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from inst.commands.common.record.paths import without_paths
from inst.commands.common.record.record import Record
from inst.errors import InputError

FORMAT = 1
"""Version of the JSON form. Later versions are refused."""


def to_json(record: Record) -> str:
    """The record as JSON. Paths in the settings are reduced to file names."""
    data = {"format": FORMAT, **dataclasses.asdict(record)}
    data["model"], data["settings"] = without_paths(record.model), without_paths(dict(record.settings))
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Record:
    """The record from its JSON form.

    Raises:
        InputError: no JSON, no record of ours, of a later version, or a value of the wrong kind.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("the picture's settings (its text inst) are damaged") from error
    if not isinstance(data, dict) or "format" not in data:
        raise InputError("the picture's text inst holds no settings of inst")
    if data["format"] != FORMAT:
        raise InputError(
            f"the picture's settings are of version {data['format']!s:.20}, this inst reads {FORMAT}: update it"
        )
    fields = {field.name: field for field in dataclasses.fields(Record)}
    given = {key: _checked(key, data[key], str(fields[key].type)) for key in fields if key in data}
    missing = [f.name for f in fields.values() if f.name not in given and _is_required(f)]
    if missing:
        raise InputError(f"the picture's settings lack {', '.join(missing)}")
    return Record(**given)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _checked(key: str, value: Any, kind: str) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    match kind:
        case "str":
            fits = isinstance(value, str)
        case "int":
            fits = isinstance(value, int) and number
        case "float":
            fits = number
        case "float | None":
            fits = number or value is None
        case _:  # a mapping, of texts or of anything
            fits = isinstance(value, dict) and ("Any" in kind or all(isinstance(v, str) for v in value.values()))
    if not fits:
        raise InputError(f"the picture's settings have {key} = {str(value)[:40]!r}, which is no {kind}")
    return value

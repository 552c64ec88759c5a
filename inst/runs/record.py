"""What made a picture, written into it: A1111's ``parameters`` text for other tools, JSON to make it again.

A1111's text is the prompt, a line ``Negative prompt: …`` and a last line of ``key: value`` pairs. Its reader takes that
line for parameters only when it finds three pairs; values with commas, colons or line breaks stand as JSON strings.
No local path goes into either form.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from inst.errors import InputError

FORMAT = 1
"""Version of the JSON form; a reader refuses a later one."""

_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_NEGATIVE = "Negative prompt:"
_EXACT = "Inst record"
_PLAIN_VALUE = re.compile(r'[^\s,:"]([^,:"\n]*[^\s,:"])?')
_TOKEN_HASH = re.compile(r"(.+?): ([0-9a-fA-F]+)(?:, |$)", re.DOTALL)
_LABELS = {
    "steps": "Steps",
    "sampler": "Sampler",
    "cfg_scale": "CFG scale",
    "seed": "Seed",
    "model_hash": "Model hash",
    "model": "Model",
    "strength": "Denoising strength",
}
_NUMBERS = {"steps": int, "cfg_scale": float, "seed": int, "strength": float}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """The settings of one picture.

    Attributes:
        prompt, negative_prompt: as given, placeholders included.
        steps, sampler, cfg_scale, seed: of the sampling.
        width, height: of the picture, pixels.
        model, model_hash: the model's name and fingerprint.
        strength: how far the content was noised, 0–1; ``None`` for text to image.
        token_hashes: fingerprint of each style token by its name.
        settings: everything else that a second run needs, JSON data: the command's options, inputs by name and hash.
    """

    prompt: str
    negative_prompt: str = ""
    steps: int
    sampler: str
    cfg_scale: float
    seed: int
    width: int
    height: int
    model: str
    model_hash: str = ""
    strength: float | None = None
    token_hashes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


# A1111's text


def a1111_parameters(record: Record) -> str:
    """The text of A1111's ``parameters`` chunk; ``parse_a1111`` reads the same back.

    Prompts that the format itself cannot carry (one with a line ``Negative prompt:``, or with spaces at its ends) are
    given once more, exactly, as a pair of their own.
    """
    facts = _facts(record)
    text = _text(facts, "")
    if parse_a1111(text) == facts:
        return text
    return _text(facts, f", {_EXACT}: {json.dumps(json.dumps(facts))}")


def _facts(record: Record) -> dict[str, object]:
    """What the text holds, as ``parse_a1111`` gives it: absent where empty."""
    facts: dict[str, object] = {"prompt": record.prompt, "negative_prompt": record.negative_prompt}
    for key in (*_LABELS, "width", "height"):
        value = getattr(record, key)
        if value not in ("", None):
            facts[key] = without_paths(value) if key == "model" else value
    if record.token_hashes:
        facts["token_hashes"] = dict(record.token_hashes)
    return facts


def _text(facts: Mapping[str, Any], ending: str) -> str:
    pairs = [f"{label}: {_value(facts[key])}" for key, label in _LABELS.items() if key in facts]
    pairs.insert(4, f"Size: {facts['width']}x{facts['height']}")
    if tokens := facts.get("token_hashes"):
        pairs.append(f"TI hashes: {_value(', '.join(f'{name}: {value}' for name, value in tokens.items()))}")
    lines = [facts["prompt"]]
    if facts["negative_prompt"]:
        lines.append(f"{_NEGATIVE} {facts['negative_prompt']}")
    return "\n".join([*lines, ", ".join(pairs) + ending])


def _value(value: object) -> str:
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
    return text if _PLAIN_VALUE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def parse_a1111(text: str) -> dict[str, object]:
    """The facts in a ``parameters`` text, ours or another tool's.

    Returns:
        ``prompt`` and ``negative_prompt`` always; ``steps, sampler, cfg_scale, seed, width, height, model, model_hash,
        strength, token_hashes`` where given and readable; other pairs by their own label, as text.
    """
    lines = text.strip().split("\n")
    pairs = _PAIR.findall(lines[-1])
    if len(pairs) < 3:
        pairs = []
    else:
        lines.pop()
    facts: dict[str, object] = _prompts(lines)
    for label, value in pairs:
        facts |= _fact(label.strip(), _unquoted(value))
    return _exact(facts)


def _prompts(lines: list[str]) -> dict[str, object]:
    """A line that begins with ``Negative prompt:`` and all behind it are the negative prompt, as in A1111's reader."""
    start = next((i for i, line in enumerate(lines) if line.strip().startswith(_NEGATIVE)), len(lines))
    negative = "\n".join(line.strip() for line in lines[start:])
    positive = "\n".join(line.strip() for line in lines[:start])
    return {"prompt": positive, "negative_prompt": negative.removeprefix(_NEGATIVE).strip()}


def _fact(label: str, value: str) -> dict[str, object]:
    if label == "Size" and (size := re.fullmatch(r"(\d{1,6})x(\d{1,6})", value)):
        return {"width": int(size[1]), "height": int(size[2])}
    if label == "TI hashes":
        return {"token_hashes": dict(_TOKEN_HASH.findall(value))}
    for key, known in _LABELS.items():
        if known == label and (number := _read_as(key, value)) is not None:
            return {key: number}
    return {label: value}


def _read_as(key: str, value: str) -> object:
    try:
        number = _NUMBERS.get(key, str)(value)
    except ValueError:
        return None
    return None if isinstance(number, float) and not math.isfinite(number) else number


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value.strip()


def _exact(facts: dict[str, object]) -> dict[str, object]:
    """Our own exact copy in place of what the format bent."""
    if not isinstance(copy := facts.pop(_EXACT, None), str):
        return facts
    try:
        exact = json.loads(copy)
    except (ValueError, RecursionError):
        return facts
    complete = isinstance(exact, dict) and isinstance(exact.get("prompt"), str)
    return exact if complete and isinstance(exact.get("negative_prompt"), str) else facts


# Our JSON


def to_json(record: Record) -> str:
    """The ``inst`` chunk: enough to run again. Paths in the settings become names."""
    data = {"format": FORMAT, **dataclasses.asdict(record)}
    data["model"], data["settings"] = without_paths(record.model), without_paths(dict(record.settings))
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Record:
    """The record of an ``inst`` chunk.

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


def without_paths(value: Any) -> Any:
    """JSON data in which every path object, and every text that is an absolute path, is its last part alone."""
    if isinstance(value, Mapping):
        return {str(key): without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, PurePath):
        return value.name
    return _without_path(value) if isinstance(value, str) else value


def _without_path(text: str) -> str:
    """``folder:/home/me/model`` → ``folder:model``. A relative name with a slash may be a hub id and stays."""
    kind, colon, rest = text.partition(":")
    if colon and len(kind) > 1 and re.fullmatch(r"[\w-]+", kind) and not rest.startswith("//"):
        return kind + colon + _without_path(rest)
    if PureWindowsPath(text).drive and PureWindowsPath(text).is_absolute():
        return PureWindowsPath(text).name
    local = text.removeprefix("file://")
    return PurePosixPath(local).name if local.startswith(("/", "~/", "./", "../")) else text

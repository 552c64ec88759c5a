"""A1111's ``parameters`` text, for other tools to read.

The prompt, a line ``Negative prompt: …`` and a last line of ``key: value`` pairs. Its reader takes that line for
parameters only when it finds three pairs; values with commas, colons or line breaks stand as JSON strings.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from inst.commands.common.record.paths import without_paths
from inst.commands.common.record.record import Record

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


def a1111_parameters(record: Record) -> str:
    """The text of A1111's ``parameters`` chunk; ``parse_a1111`` reads the same back.

    Prompts that the format itself cannot carry (one with a line ``Negative prompt:``, or with spaces at its ends) are
    given once more, exactly, as a pair of their own.
    """
    parameters = _parameters(record)
    text = _text(parameters, "")
    if parse_a1111(text) == parameters:
        return text
    return _text(parameters, f", {_EXACT}: {json.dumps(json.dumps(parameters))}")


def _parameters(record: Record) -> dict[str, object]:
    """The values that the text contains, as ``parse_a1111`` returns them; empty ones are left out."""
    parameters: dict[str, object] = {"prompt": record.prompt, "negative_prompt": record.negative_prompt}
    for key in (*_LABELS, "width", "height"):
        value = getattr(record, key)
        if value not in ("", None):
            parameters[key] = without_paths(value) if key == "model" else value
    if record.token_hashes:
        parameters["token_hashes"] = dict(record.token_hashes)
    return parameters


def _text(parameters: Mapping[str, Any], ending: str) -> str:
    pairs = [f"{label}: {_value(parameters[key])}" for key, label in _LABELS.items() if key in parameters]
    pairs.insert(4, f"Size: {parameters['width']}x{parameters['height']}")
    if tokens := parameters.get("token_hashes"):
        pairs.append(f"TI hashes: {_value(', '.join(f'{name}: {value}' for name, value in tokens.items()))}")
    lines = [parameters["prompt"]]
    if parameters["negative_prompt"]:
        lines.append(f"{_NEGATIVE} {parameters['negative_prompt']}")
    return "\n".join([*lines, ", ".join(pairs) + ending])


def _value(value: object) -> str:
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
    return text if _PLAIN_VALUE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def parse_a1111(text: str) -> dict[str, object]:
    """The values in a ``parameters`` text, written by inst or by another tool.

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
    parameters: dict[str, object] = _prompts(lines)
    for label, value in pairs:
        parameters |= _fact(label.strip(), _unquoted(value))
    return _exact(parameters)


def _prompts(lines: list[str]) -> dict[str, object]:
    """Everything from the first line that begins with ``Negative prompt:`` is the negative prompt, as in A1111."""
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


def _exact(parameters: dict[str, object]) -> dict[str, object]:
    """Our exact copy of the values, where the format could not represent them."""
    if not isinstance(copy := parameters.pop(_EXACT, None), str):
        return parameters
    try:
        exact = json.loads(copy)
    except (ValueError, RecursionError):
        return parameters
    complete = isinstance(exact, dict) and isinstance(exact.get("prompt"), str)
    return exact if complete and isinstance(exact.get("negative_prompt"), str) else parameters

"""JSON files and checksums."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from inst.errors import InputError
from inst.files.faults import explained, refuse_larger
from inst.files.write import replacing

_MAX_JSON = 64 * 2**20


def write_json(path: Path, data: Any) -> None:
    """JSON, UTF-8, keys in the order given. NaN is a ValueError: other readers refuse it."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """The data of a JSON file.

    Raises:
        InputError: missing, larger than 64 MiB, or no JSON (with the line).
    """
    with explained(path, "read"):
        refuse_larger(path, _MAX_JSON)
        raw = path.read_bytes()
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not JSON: it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error.msg} in line {error.lineno}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply") from error


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with explained(path, "read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()

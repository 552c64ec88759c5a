"""JSON files and checksums."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from inst.errors import InputError
from inst.files.faults import explain_os_errors, refuse_larger
from inst.files.write import replacing

_MAX_JSON = 64 * 2**20


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as JSON in UTF-8, atomically, with keys in the given order.

    Raises:
        InputError: the file cannot be written.
        ValueError: ``data`` contains NaN or infinity, which other JSON readers reject.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """The data of a JSON file.

    Raises:
        InputError: the file is missing, larger than 64 MiB, or not valid JSON; the message then gives the line.
    """
    with explain_os_errors(path, "read"):
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
    """The SHA-256 of a file's content, in hexadecimal.

    Raises:
        InputError: the file cannot be read.
    """
    with explain_os_errors(path, "read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_bytes(data: bytes) -> str:
    """The SHA-256 of ``data``, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()

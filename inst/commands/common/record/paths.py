"""Removing local paths, none of which is stored in a picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any


def without_paths(value: Any) -> Any:
    """JSON data in which every path object, and every text that is an absolute path, is reduced to its last part."""
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

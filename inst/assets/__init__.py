"""The models that come with the package, and the check that they arrived whole."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from inst.errors import ModelError

FOLDER = Path(__file__).parent


@cache
def mini_folder() -> Path:
    """The embedded miniature: a folder in diffusers' layout.

    Every file is held to the checksum in ``manifest.json`` once a process.

    Raises:
        ModelError: a file is missing or damaged; the sentence names it and its checksum.
    """
    folder = FOLDER / "mini"
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ModelError(f"the embedded miniature is not installed ({manifest.name} is missing): install inst again")
    expected: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))
    for name, digest in expected.items():
        _check(folder / name, digest)
    return folder


def _check(path: Path, digest: str) -> None:
    if not path.is_file():
        raise ModelError(f"the embedded miniature lacks {path.name}: install inst again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise ModelError(
            f"the embedded miniature's {path.name} is damaged (SHA-256 {found[:12]}, expected {digest[:12]}): "
            "install inst again"
        )

"""The list by which a copy of the package knows that a folder of weights arrived whole (`inst.assets`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

NAME = "manifest.json"


def write_manifest(folder: Path, left_out: Iterable[str] = ()) -> None:
    """SHA-256 of every file in ``folder`` but those in the folders ``left_out``, in `manifest.json`."""
    skipped = set(left_out)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != NAME and p.parent.name not in skipped)
    sums = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    (folder / NAME).write_text(json.dumps(sums, indent=2) + "\n")

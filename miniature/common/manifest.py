"""The list by which a copy of the package knows that a folder of weights arrived whole (`inst.assets`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

NAME = "manifest.json"


def write_manifest(folder: Path, left_out: Iterable[str] = ()) -> None:
    """SHA-256 of every file in ``folder`` but those below the folders ``left_out``, in `manifest.json`.

    A card is for people: a word changed in it damages nothing.
    """
    skipped = set(left_out)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != NAME)
    kept = [path for path in files if path.suffix != ".md" and skipped.isdisjoint(path.parts[:-1])]
    sums = {path.as_posix(): hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in kept}
    (folder / NAME).write_text(json.dumps(sums, indent=2) + "\n")

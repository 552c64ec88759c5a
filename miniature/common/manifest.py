"""The checksums by which `inst.assets` verifies that a folder of weights is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

NAME = "manifest.json"


def write_manifest(folder: Path, exclude: Iterable[str] = ()) -> None:
    """Write the SHA-256 of every file in ``folder`` to `manifest.json`, except files below the folders ``exclude``.

    Markdown files are left out, so that a model card can be edited.
    """
    excluded = set(exclude)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.name != NAME)
    included = [path for path in files if path.suffix != ".md" and excluded.isdisjoint(path.parts[:-1])]
    sums = {path.as_posix(): hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in included}
    (folder / NAME).write_text(json.dumps(sums, indent=2) + "\n")

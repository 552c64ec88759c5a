"""Exported folders: replaced atomically, and without paths of the machine that wrote them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CARD = "MODEL_CARD.md"


@contextmanager
def replacing_folder(out: Path) -> Iterator[Path]:
    """Yields a new folder beside ``out`` that replaces it if the block succeeds."""
    new, old = (out.parent / f".{out.name}.{end}" for end in ("part", "old"))
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    yield new
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.replace(old)
    new.replace(out)
    shutil.rmtree(old, ignore_errors=True)


def keep_card(out: Path, folder: Path) -> None:
    """Copy a model card from ``out`` to the folder that will replace it, since it is written by hand."""
    if (out / CARD).is_file():
        shutil.copy(out / CARD, folder / CARD)


def remove_paths(folder: Path) -> None:
    """Remove the paths of the training machine from the configuration files."""
    for path in folder.rglob("*.json"):
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict) and (data.pop("_name_or_path", None) or data.pop("name_or_path", None)):
            path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

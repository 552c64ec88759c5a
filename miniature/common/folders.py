"""Exported folders: put in place in one move, and without the paths of the machine that made them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CARD = "MODEL_CARD.md"


@contextmanager
def replacing_folder(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` that takes its place when the block ends well."""
    beside, old = (out.parent / f".{out.name}.{end}" for end in ("part", "old"))
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    yield beside
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.replace(old)
    beside.replace(out)
    shutil.rmtree(old, ignore_errors=True)


def keep_card(out: Path, folder: Path) -> None:
    """A model card that lies in ``out`` lies in the folder that takes its place as well: people wrote it."""
    if (out / CARD).is_file():
        shutil.copy(out / CARD, folder / CARD)


def scrub(folder: Path) -> None:
    """Take the paths of the machine that trained out of the configs."""
    for path in folder.rglob("*.json"):
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict) and (data.pop("_name_or_path", None) or data.pop("name_or_path", None)):
            path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

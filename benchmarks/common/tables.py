"""Markdown tables and result files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are right-aligned."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def write_results(path: Path, markdown: str, metadata: dict[str, Any]) -> None:
    """Write the Markdown to ``path`` and the data it was made from beside it, with the suffix ``.json``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown.rstrip() + "\n", encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")

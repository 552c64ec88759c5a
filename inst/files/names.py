"""Names that files, prompts and other tools accept."""

from __future__ import annotations

import re


def safe_name(text: str) -> str:
    """Letters, digits, ``_`` and ``-`` only.

    >>> safe_name("Starry Night!")
    'Starry_Night'
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "style"

"""The definition of a placeholder in a prompt, shared by encoding, training and the command line.

A placeholder is a capital letter in brackets, such as ``[C]``, or a bracketed name such as ``[sea]``: at least two
characters, a letter first, then letters, digits, ``_`` or ``-``. Everything else in brackets is ordinary text:
``[c]``, ``array[3]``, ``[two words]``.
"""

from __future__ import annotations

import re

PLACEHOLDER = "[C]"
"""Stands for the style in a prompt, unless the style was given a name of its own."""
PLACEHOLDER_PATTERN = re.compile(r"\[([A-Z]|[A-Za-z][\w-]+)\]", re.ASCII)


def placeholders(prompt: str) -> list[str]:
    """The placeholders in a prompt, in order, repetitions included.

    >>> placeholders("a [sea] under [C], array[3] of [c]")
    ['[sea]', '[C]']
    """
    return [f"[{name}]" for name in PLACEHOLDER_PATTERN.findall(prompt)]


def is_placeholder(text: str) -> bool:
    """Whether a text is exactly one placeholder, brackets included.

    >>> is_placeholder("[sea]"), is_placeholder("[c]"), is_placeholder("sea")
    (True, False, False)
    """
    return PLACEHOLDER_PATTERN.fullmatch(text) is not None

"""Progress: one bar a run, on standard error, silent where nobody watches."""

from __future__ import annotations

import sys

from tqdm import tqdm


def bar(total: int, what: str, *, quiet: bool = False, unit: str = "step") -> tqdm:
    """A progress bar with the time left.

    Args:
        quiet: no bar: another process of the same run shows one.
    """
    return tqdm(total=total, desc=what, unit=unit, disable=quiet, file=sys.stderr, dynamic_ncols=True, smoothing=0.1)


def say(text: str) -> None:
    """A line for the user, above a running bar."""
    tqdm.write(text, file=sys.stdout)


def warn(text: str) -> None:
    """A warning line for the user, above a running bar."""
    tqdm.write(f"warning: {text}", file=sys.stderr)

"""Progress bars on standard error, and messages that do not break them."""

from __future__ import annotations

import sys

from tqdm import tqdm


def bar(total: int, what: str, *, quiet: bool = False, unit: str = "step") -> tqdm:
    """A progress bar that shows the time left.

    Args:
        quiet: show no bar, because another process of the same run shows one.
    """
    return tqdm(total=total, desc=what, unit=unit, disable=quiet, file=sys.stderr, dynamic_ncols=True, smoothing=0.1)


def say(text: str) -> None:
    """Print a line on standard output, above a running bar."""
    tqdm.write(text, file=sys.stdout)


def warn(text: str) -> None:
    """Print a warning on standard error, above a running bar."""
    tqdm.write(f"warning: {text}", file=sys.stderr)

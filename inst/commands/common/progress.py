"""Progress: one bar a run, on standard error, silent where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tqdm import tqdm

from inst.shapes import Image


def bar(total: int, what: str, *, quiet: bool = False, unit: str = "step") -> tqdm:
    """A progress bar with the time left.

    Args:
        quiet: no bar: another process of the same run shows one.
    """
    return tqdm(total=total, desc=what, unit=unit, disable=quiet, file=sys.stderr, dynamic_ncols=True, smoothing=0.1)


def watch(steps: Iterator[Image | None], progress: tqdm, pictures: int = 1) -> Image:
    """Run the steps to the end, a tick of the bar for each of the pictures; the pictures themselves come last."""
    picture: Image | None = None
    for item in steps:
        progress.update(pictures)
        picture = item if item is not None else picture
    assert picture is not None
    return picture


def say(text: str) -> None:
    """A line for the user, above a running bar."""
    tqdm.write(text, file=sys.stdout)


def warn(text: str) -> None:
    """A warning line for the user, above a running bar."""
    tqdm.write(f"warning: {text}", file=sys.stderr)

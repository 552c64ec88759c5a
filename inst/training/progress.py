"""The progress bar of everything that is trained; the public functions show it with ``progress=True``."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from typing import Any, Protocol, TypeVar, runtime_checkable

from tqdm import tqdm

from inst.training.loop import TrainingProgress


@runtime_checkable
class Step(Protocol):
    """What a bar needs to know."""

    @property
    def step(self) -> int: ...
    @property
    def total(self) -> int: ...


AnyStep = TypeVar("AnyStep", bound=Step)


def with_bar(
    steps: Iterable[AnyStep], what: str, *, show: bool = True, unit: str = "step"
) -> Generator[AnyStep, None, None]:
    """The steps, with a bar on standard error that shows the time left, and the losses where a step has some.

    Args:
        what: stands before the bar.
        show: ``False`` for no bar.
    """
    bar: Any = None
    try:
        for step in steps:
            if bar is None:
                bar = tqdm(
                    total=step.total, initial=step.step, desc=what, unit=unit, disable=not show, file=sys.stderr,
                    dynamic_ncols=True, smoothing=0.1,
                )  # fmt: skip
            bar.update(step.step - bar.n)
            if isinstance(step, TrainingProgress) and step.loss is not None:
                bar.set_postfix(loss=f"{step.loss:.4f}", best=f"{step.best_loss:.4f}", refresh=False)
            yield step
    finally:
        if isinstance(steps, Generator):
            steps.close()
        if bar is not None:
            bar.close()

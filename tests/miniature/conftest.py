"""Fixtures shared by the tests of the trainings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def precision_of_its_own() -> Iterator[None]:
    """accelerate has one precision per process, and other tests use float32."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)

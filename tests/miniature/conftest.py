"""What several tests of the recipe need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def precision_of_its_own() -> Iterator[None]:
    """accelerate keeps one precision a process, and other tests' is float32."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)

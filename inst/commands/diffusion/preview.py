"""Preview pictures while a painting is learned, in at most a twentieth of the time."""

from __future__ import annotations

import time
from pathlib import Path

from inst.commands.common.progress import warn
from inst.errors import TokenError
from inst.image import from_pil, write_image
from inst.pipelines.learning import PREVIEW_STEPS, LearningStep

SHARE = 0.05


class Preview:
    """Writes a picture whenever there is time for one.

    Args:
        path: the picture, replaced every time.

    Attributes:
        count: pictures written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._started: float | None = None
        self._spent = 0.0
        self._last: float | None = None

    def offer(self, step: LearningStep) -> None:
        """Write a preview if previews have taken less than their share of the time since the first call."""
        if self._started is None:
            self._started = time.monotonic()
            return
        elapsed = time.monotonic() - self._started
        # Before the first one: a denoising step costs about as much as two training steps.
        expected = self._last if self._last is not None else 2 * PREVIEW_STEPS * elapsed / max(step.step, 1)
        if self._spent + expected > SHARE * elapsed:
            return
        begun = time.monotonic()
        try:
            write_image(self.path, from_pil(step.preview()))
        except TokenError as error:  # vectors that no picture can be made with yet; training goes on
            warn(f"no preview at step {step.step}: {error}")
        self._last = time.monotonic() - begun
        self._spent += self._last
        self.count += 1

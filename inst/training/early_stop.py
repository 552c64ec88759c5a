"""Early stop: training ends when the validation loss has not fallen for a number of validations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EarlyStop:
    """The lowest validation loss so far, and the number of validations since it last fell noticeably.

    Attributes:
        patience: validations without a gain after which ``exhausted`` is true; 0 never stops.
        least_gain: how much lower a loss must be to count as a gain, as a share of the lowest.
        best: the lowest loss.
        waited: validations since the last gain.
    """

    patience: int = 0
    least_gain: float = 1e-3
    best: float = float("inf")
    waited: int = 0

    def update(self, loss: float) -> bool:
        """Record a validation loss.

        Returns:
            Whether it is the lowest so far.

        >>> stop = EarlyStop(patience=2)
        >>> [stop.update(loss) for loss in (1.0, 0.9, 0.95, 0.8999)], stop.exhausted
        ([True, True, False, True], True)
        """
        gained = loss < self.best * (1 - self.least_gain)
        self.waited = 0 if gained else self.waited + 1
        improved = loss < self.best
        self.best = min(self.best, loss)
        return improved

    @property
    def exhausted(self) -> bool:
        """Whether training should end."""
        return bool(self.patience) and self.waited >= self.patience

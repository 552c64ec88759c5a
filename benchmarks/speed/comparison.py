"""Lines of a table of times, each with the speed-up over a reference."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.common.machine import GIB

COLUMNS = ("time", "speed-up", "peak memory", "memory ratio")


@dataclass(frozen=True)
class Line:
    """A line of the table; ``against`` is the line that it is compared with."""

    label: str
    seconds: float
    memory: int | None
    against: Line | None = None

    def cells(self) -> list[str]:
        memory = "" if self.memory is None else f"{self.memory / GIB:.1f} GiB"
        if self.against is None:
            return [self.label, format_seconds(self.seconds), "1", memory, "1" if self.memory else ""]
        ratio = f"{self.against.seconds / self.seconds:.1f}×"
        share = f"{self.memory / self.against.memory:.2f}" if self.memory and self.against.memory else ""
        return [self.label, format_seconds(self.seconds), ratio, memory, share]


def format_seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"

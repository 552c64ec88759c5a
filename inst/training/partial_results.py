"""Numbered results that several processes compute, each kept in a file of its own until the main one gathers them."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from inst.errors import InputError
from inst.training.checkpoint import Checkpoint
from inst.training.workers import Workers


def part_files(path: Path) -> list[Path]:
    """The existing parts of a checkpoint that processes other than the main one wrote, however many there were."""
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.*"))


@dataclass
class PartialResults:
    """The rows that this process has computed; the main process's also hold those of earlier runs.

    Attributes:
        checkpoint: of the run; ``None`` keeps nothing, which a single process can do.
        rows: by their number.
    """

    checkpoint: Checkpoint | None
    workers: Workers
    rows: dict[int, Tensor] = field(default_factory=dict)

    def begin(self, *, resume: bool) -> frozenset[int]:
        """The numbers that need not be computed again: those that any process of a stopped run kept.

        Raises:
            InputError: what was kept belongs to another run.
        """
        known: dict[int, Tensor] = {}
        kept = self._files() if resume else []
        for path in kept:
            known |= self._read(path)
        self.workers.wait()  # nobody has changed a file that another reads
        if self.workers.is_main:
            self.rows = known
            if len(kept) > 1:
                self.keep()
            self._remove_parts()
        self.workers.wait()
        return frozenset(known)

    def keep(self) -> None:
        """Write the rows to this process's file."""
        if self.rows and self.checkpoint is not None:
            numbers, rows = torch.tensor(list(self.rows)), torch.stack(list(self.rows.values()))
            self.checkpoint.part(self.workers.index).save({"numbers": numbers, "rows": rows}, {})

    def gather(self, total: int) -> Tensor | None:
        """All rows in order, for the main process; the others hand theirs over and get ``None``.

        Raises:
            InputError: a process could not keep its rows.
        """
        if not self.workers.is_main:
            self.keep()
        self.workers.wait()
        if not self.workers.is_main:
            return None
        for path in self._parts():
            self.rows |= self._read(path)
        if missing := total - len(self.rows):
            self.keep()
            folder = "the checkpoint's folder" if self.checkpoint is None else self.checkpoint.path.parent
            raise InputError(
                f"{missing} of {total} channels were measured and not kept: the other processes could not write to "
                f"{folder}, or not where this one reads; --resume measures them"
            )
        return torch.stack([self.rows[number] for number in range(total)])

    def _files(self) -> list[Path]:
        if self.checkpoint is None:
            return []
        return [path for path in (self.checkpoint.path, *self._parts()) if path.is_file()]

    def _parts(self) -> list[Path]:
        return [] if self.checkpoint is None else part_files(self.checkpoint.path)

    def _read(self, path: Path) -> dict[int, Tensor]:
        assert self.checkpoint is not None
        tensors, _ = Checkpoint(path, self.checkpoint.identity, self.checkpoint.depends_on).load()
        return dict(zip(tensors["numbers"].tolist(), tensors["rows"], strict=True))

    def _remove_parts(self) -> None:
        for path in self._parts():
            path.unlink(missing_ok=True)

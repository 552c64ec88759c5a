"""Rows that several processes measure, each kept in a file of its own until the main one puts them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from inst.commands.common.progress import say
from inst.commands.common.unfinished import Unfinished
from inst.errors import InputError
from inst.training.workers import Team


@dataclass
class PartialResults:
    """What this process has measured; the main one's holds what earlier runs measured, too.

    Attributes:
        found: rows by their number.
    """

    place: Unfinished
    team: Team
    found: dict[int, Tensor] = field(default_factory=dict)

    def begin(self, *, resume: bool) -> frozenset[int]:
        """The numbers that need not be measured again: those that any process of a stopped run kept.

        Raises:
            InputError: what was kept belongs to other settings.
        """
        known: dict[int, Tensor] = {}
        kept = [path for path in (self.place.state, *self.place.parts) if path.is_file()] if resume else []
        for path in kept:
            known |= self._read(path)
        if resume and not kept and self.team.is_main:
            say(f"nothing to resume at {self.place.state}: starting anew")
        self.team.wait()  # nobody has changed a file that another reads
        if self.team.is_main:
            self.found = known
            if len(kept) > 1:
                self.keep()
            self.place.forget_parts()
        self.team.wait()
        return frozenset(known)

    def keep(self) -> None:
        """Write what there is to this process's file."""
        if self.found:
            numbers = torch.tensor(list(self.found))
            rows = torch.stack(list(self.found.values()))
            self.place.save({"numbers": numbers, "rows": rows}, {}, self.team.index)

    def gather(self, total: int) -> Tensor | None:
        """All rows in order, for the main process; the others give theirs and get nothing.

        Raises:
            InputError: a process could not keep its rows.
        """
        if not self.team.is_main:
            self.keep()
        self.team.wait()
        if not self.team.is_main:
            return None
        for path in self.place.parts:
            self.found |= self._read(path)
        if missing := total - len(self.found):
            self.keep()
            raise InputError(
                f"{missing} of {total} channels were measured and not kept: the other processes could not write to "
                f"{self.place.state.parent}, or not where this one reads; --resume measures them"
            )
        return torch.stack([self.found[number] for number in range(total)])

    def _read(self, path: Path) -> dict[int, Tensor]:
        tensors, _ = self.place.read(path)
        return dict(zip(tensors["numbers"].tolist(), tensors["rows"], strict=True))

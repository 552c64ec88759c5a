"""The checkpoint of an unfinished run: one safetensors file with JSON in its header, replaced in one rename.

accelerate's ``load_state`` unpickles and its ``save_state`` is not atomic, so neither is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from inst.errors import InputError, InstWarning
from inst.files import read_safetensors, write_safetensors

_HEADER = "state"
_FORMAT = 2
"""Changes with what is in a checkpoint; one of another format is refused."""


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the state of a run until it is finished.

    Attributes:
        path: the file.
        identity: a hash of everything that the result depends on; a state with another identity is refused.
        depends_on: what the identity covers, for the error message.
    """

    path: Path
    identity: str = ""
    depends_on: str = "model or settings"

    @property
    def exists(self) -> bool:
        """Whether there is a state to resume from."""
        return self.path.is_file()

    def part(self, index: int) -> Checkpoint:
        """The file of one process of several; the main process, 0, has ``path`` itself."""
        return dataclasses.replace(self, path=part_path(self.path, index))

    def save(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Replace the state. Where it cannot be written (a full disk), that is an :class:`InstWarning`.

        Args:
            metadata: JSON values.
        """
        header = {**metadata, "identity": self.identity, "format": _FORMAT}
        try:
            write_safetensors(self.path, tensors, {_HEADER: json.dumps(header)})
        except InputError as error:
            warnings.warn(f"the training state was not saved ({error}); the run goes on", InstWarning, stacklevel=2)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read what :meth:`save` wrote: tensors on the CPU, and metadata.

        Raises:
            InputError: missing, damaged, not a checkpoint, or one of another run.
        """
        tensors, header = read_safetensors(self.path)
        if _HEADER not in header:
            raise InputError(
                f"{self.path} is not a training state of inst: give the .state file that a stopped run left"
            )
        try:
            metadata = dict(json.loads(header[_HEADER]))
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"{self.path} has a damaged header: leave out --resume to start anew") from error
        if metadata.get("format") != _FORMAT:
            raise InputError(
                f"{self.path} was saved by another version of inst: resume it with that version, or leave out --resume "
                "to start anew"
            )
        if metadata.get("identity") != self.identity:
            raise InputError(
                f"{self.path} was saved with another {self.depends_on}: give the ones it was started with, or leave "
                "out --resume to start anew"
            )
        return tensors, metadata

    def remove(self) -> None:
        """Delete the file if it is there."""
        self.path.unlink(missing_ok=True)


def part_path(path: Path, index: int) -> Path:
    """Where process ``index`` of several keeps its own part of a checkpoint."""
    return path.with_name(f"{path.name}.{index}") if index else path


def identity_of(settings: Mapping[str, Any], *parts: object) -> str:
    """A hash of settings (JSON values) and of further parts: tensors by their values, everything else by its text."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for part in parts:
        data = part.detach().float().cpu().contiguous().numpy().tobytes() if isinstance(part, Tensor) else str(part)
        digest.update(data if isinstance(data, bytes) else data.encode())
    return digest.hexdigest()[:32]

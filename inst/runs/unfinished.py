"""Long runs that write one file: locked, saved now and then, stopped in good order, continued where they were."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from inst.errors import ConfigError, InputError
from inst.runs.bars import say, warn
from inst.runs.outputs import claim
from inst.training import load_state, save_state

UNNAMED = ("output", "resume", "overwrite", "checkpointing_steps", "device", "max_train_steps", "max_megapixels")
"""Options that a continued run may change; those that name files count by what is in the files."""
_FILES = ("generator", "identity", "latents", "prompts", "clip")


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """Where a run's result goes and what it is.

    Attributes:
        output: the file that the finished run writes.
        identity: a hash of all that the result depends on.
    """

    output: Path
    identity: str = ""

    @property
    def state(self) -> Path:
        """The state of the run until it is finished."""
        return self.output.parent / ".unfinished" / f"{self.output.stem}.state"

    @property
    def lock(self) -> Path:
        return self.state.with_suffix(".lock")

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Keep a state; a full disk is told, and the run goes on."""
        try:
            save_state(self.state, tensors, facts | {"identity": self.identity})
        except InputError as error:
            warn(f"the state was not saved ({error}); the run goes on")

    def restore(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The state that was kept, or nothing where none is.

        Raises:
            InputError: it belongs to other settings.
        """
        if not self.state.is_file():
            say(f"nothing to resume at {self.state}: starting anew")
            return None
        tensors, facts = load_state(self.state)
        if facts.get("identity") != self.identity:
            raise InputError(
                f"{self.state} was saved with another generator, CLIP or settings: give the ones it was started with, "
                "or leave out --resume to start anew"
            )
        return tensors, facts

    def finished(self) -> None:
        self.state.unlink(missing_ok=True)


def claim_output(output: str | None, command: str, *, resume: bool, overwrite: bool) -> Unfinished:
    """The place of a result.

    Raises:
        ConfigError: none was given.
        InputError: something is there, or a name of another ending.
    """
    if output is None:
        raise ConfigError(f"no output was given: inst {command} --output FILE.safetensors")
    path = Path(output)
    if path.suffix != ".safetensors":
        raise InputError(f"--output {path}: give a name ending in .safetensors")
    place = Unfinished(path)
    claim(path, overwrite or (resume and place.state.is_file()))
    return place


def identity_of(settings: Any, *parts: object) -> str:
    """A hash of a run's settings and of what it works on (tensors by their values)."""
    kept = {k: v for k, v in dataclasses.asdict(settings).items() if k not in (*UNNAMED, *_FILES)}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode())
    for part in parts:
        data = part.detach().float().cpu().contiguous().numpy().tobytes() if isinstance(part, Tensor) else str(part)
        digest.update(data if isinstance(data, bytes) else data.encode())
    return digest.hexdigest()[:32]

"""Long runs that write one file: locked, saved now and then, stopped in good order, continued where they were."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from inst.commands.common.outputs import claim
from inst.commands.common.progress import say, warn
from inst.errors import ConfigError, InputError
from inst.training.shared import load_state, save_state

UNNAMED = ("output", "resume", "overwrite", "checkpointing_steps", "device", "max_train_steps", "max_megapixels")
"""Options that a continued run may change; those that name files count by what is in the files."""
_FILES = ("generator", "identity", "latents", "validation_latents", "prompts", "clip")


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
    def is_done(self) -> bool:
        """Whether the result is there, and not that of a run which was stopped."""
        return self.output.exists() and not self.state.exists()

    @property
    def lock(self) -> Path:
        return self.state.with_suffix(".lock")

    def part(self, index: int) -> Path:
        """Where one process of several keeps its own: the main one, 0, in the state itself."""
        return self.state.with_name(f"{self.state.name}.{index}") if index else self.state

    @property
    def parts(self) -> list[Path]:
        """The parts of other processes than the main one that are there, of however many."""
        return sorted(self.state.parent.glob(f"{glob.escape(self.state.name)}.*"))

    def save(self, tensors: dict[str, Tensor], metadata: dict[str, Any], part: int = 0) -> None:
        """Keep a state; a full disk is told, and the run goes on."""
        try:
            save_state(self.part(part), tensors, metadata | {"identity": self.identity})
        except InputError as error:
            warn(f"the state was not saved ({error}); the run goes on")

    def restore(self, *, quiet: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The state that was kept, or nothing where none is.

        Raises:
            InputError: it belongs to other settings.
        """
        if self.state.is_file():
            return self.read(self.state)
        if not quiet:
            say(f"nothing to resume at {self.state}: starting anew")
        return None

    def read(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """One part.

        Raises:
            InputError: it belongs to other settings.
        """
        tensors, metadata = load_state(path)
        if metadata.get("identity") != self.identity:
            raise InputError(
                f"{path} was saved with another generator, CLIP or settings: give the ones it was started with, "
                "or leave out --resume to start anew"
            )
        return tensors, metadata

    def forget_parts(self) -> None:
        """Remove what other processes kept."""
        for path in self.parts:
            path.unlink(missing_ok=True)

    def finished(self) -> None:
        self.forget_parts()
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

"""Where a long run keeps its state until its result is complete: ``.unfinished/NAME.state`` beside the output file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inst.commands.common.outputs import claim
from inst.commands.common.progress import say
from inst.errors import ConfigError, InputError
from inst.training.partial_results import part_files


@dataclass(frozen=True)
class Unfinished:
    """The files of a run that writes one result.

    Attributes:
        output: the file that the finished run writes.
    """

    output: Path

    @property
    def state(self) -> Path:
        """The checkpoint of the run, until it is finished."""
        return self.output.parent / ".unfinished" / f"{self.output.stem}.state"

    @property
    def lock(self) -> Path:
        """Held while a run works on this output."""
        return self.state.with_suffix(".lock")

    @property
    def is_done(self) -> bool:
        """Whether the result is there and complete: a stopped run leaves what it has learned, and a checkpoint."""
        return self.output.exists() and not self.state.exists()

    def say_if_nothing_to_resume(self) -> None:
        """For ``--resume`` where no run was stopped."""
        if not self.state.is_file() and not part_files(self.state):
            say(f"nothing to resume at {self.state}: starting anew")

    def finish(self) -> None:
        """Remove the checkpoint, once the result is written."""
        for path in (*part_files(self.state), self.state):
            path.unlink(missing_ok=True)


def claim_output(output: str | None, command: str, *, resume: bool, overwrite: bool) -> Unfinished:
    """Where the result of a training command goes.

    Raises:
        ConfigError: no output was given.
        InputError: the file is there already, or its name has another ending.
    """
    if output is None:
        raise ConfigError(f"no output was given: inst {command} --output FILE.safetensors")
    path = Path(output)
    if path.suffix != ".safetensors":
        raise InputError(f"--output {path}: give a name ending in .safetensors")
    place = Unfinished(path)
    claim(path, overwrite or (resume and place.state.is_file()))
    return place

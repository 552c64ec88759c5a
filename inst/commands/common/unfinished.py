"""Where a long run keeps its state until its result is complete: ``.unfinished/NAME.state`` beside the output file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from inst.commands.common.claims import check_output
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
    def partial(self) -> Path:
        """What a run that failed had learned until then."""
        return self.state.with_suffix(".safetensors")

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


@runtime_checkable
class ResultOptions(Protocol):
    """The options of a command that writes one result, and can be resumed."""

    @property
    def output(self) -> str | None: ...
    @property
    def resume(self) -> bool: ...
    @property
    def overwrite(self) -> bool: ...


def place_of_result(options: ResultOptions, command: str, inputs: Iterable[str | None]) -> Unfinished:
    """Where the result of a training command goes, checked before anything is loaded.

    Args:
        command: for the error that no output was given.
        inputs: files that the run reads.

    Raises:
        ConfigError: no output was given.
        InputError: the file is there already or cannot be written, or its name has another ending.
    """
    if options.output is None:
        raise ConfigError(f"no output was given: inst {command} --output FILE.safetensors")
    path = Path(options.output)
    if path.suffix != ".safetensors":
        raise InputError(f"--output {path}: give a name ending in .safetensors")
    place = Unfinished(path)
    files = [file for file in inputs if file is not None]
    check_output(path, files, overwrite=options.overwrite, replace=options.resume and place.state.is_file())
    return place

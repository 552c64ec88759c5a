"""``inst ffclip train``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from inst.commands.common.unfinished import place_of_result
from inst.commands.faces.open import open_session
from inst.commands.faces.options import FfclipRun
from inst.commands.faces.training import check_files, train_to_file
from inst.errors import ConfigError, InputError
from inst.options import values_of
from inst.pipelines.faces.embedded import find_file
from inst.pipelines.faces.train_ffclip import train_ffclip_steps
from inst.pipelines.faces.training_settings import FfclipTrainingSettings


def train_ffclip(run: FfclipRun) -> int:
    """``inst ffclip train``: FFCLIP. Returns the exit code, that of the signal where one stopped it."""
    if run.prompts is None:
        raise ConfigError("no prompts were given: inst ffclip train --prompts prompts.txt, a prompt a line")
    prompts = read_prompts(Path(run.prompts))
    check_files(run)
    place = place_of_result(run, "ffclip train", [run.prompts, run.latents, run.generator])
    session = open_session(run)
    settings = values_of(run, FfclipTrainingSettings)
    return train_to_file(run, session, place, partial(train_ffclip_steps, session, prompts, **settings))


def read_prompts(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        InputError: missing, no text, or no prompt in it.
    """
    find_file(str(path), "prompts")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--prompts {path} is not a text file: give a prompt a line") from error
    prompts = [line for line in lines if line.strip()]
    if not prompts:
        raise InputError(f"--prompts {path} holds no prompts: give one a line")
    return prompts

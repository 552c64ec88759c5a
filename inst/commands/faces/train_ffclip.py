"""``inst ffclip train``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from inst.commands.common.unfinished import place_of_result
from inst.commands.faces.open import open_session
from inst.commands.faces.options import FfclipOptions
from inst.commands.faces.training import check_files, train_to_file
from inst.errors import ConfigError, InputError
from inst.options import values_of
from inst.pipelines.faces.embedded import find_file
from inst.pipelines.faces.train_ffclip import train_ffclip_steps
from inst.pipelines.faces.training_settings import FfclipTrainingSettings


def train_ffclip(options: FfclipOptions) -> int:
    """``inst ffclip train``: FFCLIP. Returns the exit code, that of the signal where one stopped it."""
    if options.prompts is None:
        raise ConfigError("no prompts were given: inst ffclip train --prompts prompts.txt, a prompt a line")
    prompts = read_prompts(Path(options.prompts))
    check_files(options)
    place = place_of_result(options, "ffclip train", [options.prompts, options.latents, options.generator])
    session = open_session(options)
    settings = values_of(options, FfclipTrainingSettings)
    return train_to_file(options, session, place, partial(train_ffclip_steps, session, prompts, **settings))


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

"""``inst mapper train``."""

from __future__ import annotations

from functools import partial

from inst.commands.common.unfinished import place_of_result
from inst.commands.faces.open import open_session
from inst.commands.faces.options import MapperRun
from inst.commands.faces.training import check_files, train_to_file
from inst.errors import ConfigError
from inst.options import values_of
from inst.pipelines.faces.train_mapper import train_mapper_steps
from inst.pipelines.faces.training_settings import MapperTrainingSettings


def train_mapper(run: MapperRun) -> int:
    """``inst mapper train``: a mapper for one text. Returns the exit code, that of the signal where one stopped it."""
    if run.text is None:
        raise ConfigError('no text was given: inst mapper train --text "a mohawk hairstyle"')
    check_files(run)
    place = place_of_result(run, "mapper train", [run.latents, run.generator])
    session = open_session(run)
    settings = values_of(run, MapperTrainingSettings)
    return train_to_file(run, session, place, partial(train_mapper_steps, session, run.text, **settings))

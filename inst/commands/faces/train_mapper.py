"""``inst mapper train``."""

from __future__ import annotations

from functools import partial

from inst.commands.common.unfinished import place_of_result
from inst.commands.faces.open import open_session
from inst.commands.faces.options import MapperOptions
from inst.commands.faces.training import check_files, train_to_file
from inst.errors import ConfigError
from inst.options import values_of
from inst.pipelines.faces.train_mapper import train_mapper_steps
from inst.pipelines.faces.training_settings import MapperTrainingSettings


def train_mapper(options: MapperOptions) -> int:
    """``inst mapper train``: a mapper for one text. Returns the exit code, that of the signal where one stopped it."""
    if options.text is None:
        raise ConfigError('no text was given: inst mapper train --text "a mohawk hairstyle"')
    check_files(options)
    place = place_of_result(options, "mapper train", [options.latents, options.generator])
    session = open_session(options)
    settings = values_of(options, MapperTrainingSettings)
    return train_to_file(options, session, place, partial(train_mapper_steps, session, options.text, **settings))

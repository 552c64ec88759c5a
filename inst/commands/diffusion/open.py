"""The model that a command's options name."""

from __future__ import annotations

from typing import cast

from inst.commands.diffusion.options import ModelOptions
from inst.pipelines.session import PredictionType, Session


def open_session(options: ModelOptions) -> Session:
    """The session that the options describe; nothing is loaded yet.

    Raises:
        ModelError, ConfigError: an unknown model, or a device that is not present.
    """
    return Session(
        options.model,
        device=options.device,
        dtype=options.dtype,
        clip=options.clip,
        prediction_type=cast(PredictionType, options.prediction_type),
        xformers=options.xformers,
    )

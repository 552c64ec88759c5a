"""The generator and the networks that a face command's options name."""

from __future__ import annotations

from inst.commands.faces.options import EncodeOptions, GanOptions
from inst.pipelines.faces.session import FaceSession


def open_session(options: GanOptions) -> FaceSession:
    """The session that the options describe; nothing is loaded yet.

    Raises:
        InputError, ModelError, ConfigError: a file or a device that is not there.
    """
    return FaceSession(
        options.generator,
        clip=options.clip,
        identity=options.identity,
        encoder=options.encoder if isinstance(options, EncodeOptions) else None,
        device=options.device,
        dtype=options.dtype,
    )

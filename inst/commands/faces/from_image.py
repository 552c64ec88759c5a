"""``inst edit --from-image``: the settings stored in a picture that was made before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inst.assets import AVATARS
from inst.commands.common.record import from_json
from inst.commands.faces.options import EditOptions
from inst.errors import InputError
from inst.image import read_image_text


def settings_from_image(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``inst edit`` that a picture carries.

    Args:
        given: the options that were given beside it, from flags or a YAML file. The caller lets them win, and a face
            among them takes the place of the picture's own.

    Raises:
        InputError: the picture carries none, or needs a generator or a face that it does not carry.
    """
    text = read_image_text(path).get("inst")
    record = None if text is None else from_json(text)
    stored = None if record is None else record.settings.get("edit")
    if record is None or not isinstance(stored, dict) or not stored:
        raise InputError(f"--from-image {path} carries no settings of inst edit: give a picture it made")
    if given.get("generator", AVATARS) == AVATARS and record.model != AVATARS:
        raise InputError(f"--from-image {path} was made with {record.model}: give that file (--generator)")
    faces = [name for name in ("photos", "latents", "random") if given.get(name)]
    if stored.get("source") in ("photos", "latents") and not faces:
        raise InputError(f"no face was given: --from-image {path} was made from a file, which it does not contain")
    if "photos" in faces or "latents" in faces:
        stored = stored | {"random": None}
    known = {field.name for field in dataclasses.fields(EditOptions)}
    return {name: value for name, value in stored.items() if name in known and value is not None}

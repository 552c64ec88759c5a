"""The settings that are stored in a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """The settings of one picture.

    Attributes:
        prompt, negative_prompt: as given, placeholders included.
        steps, sampler, cfg_scale, seed: of the sampling.
        width, height: of the picture, pixels.
        model, model_hash: the model's name and fingerprint.
        strength: how far the content was noised, 0–1; ``None`` for text to image.
        token_hashes: fingerprint of each style token by its name.
        settings: everything else that a second run needs, JSON data: the command's options, inputs by name and hash.
    """

    prompt: str
    negative_prompt: str = ""
    steps: int
    sampler: str
    cfg_scale: float
    seed: int
    width: int
    height: int
    model: str
    model_hash: str = ""
    strength: float | None = None
    token_hashes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

"""The default settings of a model. This module imports neither torch nor any other package."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inst.errors import ModelError

DEFAULTS_FILE = "inst.json"
"""A file in a model's folder with those fields of :class:`ModelDefaults` that differ from its family's defaults."""


@dataclass(frozen=True, kw_only=True)
class ModelDefaults:
    """The settings that a model works best with, used for every option that the user does not give.

    Attributes:
        resolution: length of the short side in pixels that the model was trained at.
        num_steps: number of DDIM steps at strength 1; a lower strength runs that fraction of them.
        guidance_scale: scale of classifier-free guidance; 1 is no guidance.
        strength: fraction of the noise schedule from which a photo is denoised, in [0, 1].
        tone: weight of the tone transfer from the painting to the photo before noise is added, in [0, 1].
        transport: weight of the patch transport to the painting at each step, in [0, 1].
        clip: a name for ``inst.clip.load_clip``; ``local-dir:clip`` is relative to the model's folder.
        num_vectors: number of token vectors of a style.
        learning_rate: of the inversion, for each sample of a batch.
        train_steps: maximum number of training steps of the inversion.
        crop: side in pixels of the square crops of a painting that are trained on; 0 for ``resolution``.
        batch_size: number of samples in a training step of the inversion, each with its own timestep.
        early_stop: number of validations without a lower loss after which the inversion stops.
        noise_offset: standard deviation of the per-channel offset in the noise that the U-Net was trained with.
        max_norm_ratio: maximum norm of a style's vectors, relative to the mean norm of the vocabulary's.
        prompt: the prompt that a style is learned with and applied with.
        plain_prompt: the corresponding prompt without a style, for comparisons.
    """

    resolution: int = 512
    num_steps: int = 50
    guidance_scale: float = 10.0
    strength: float = 0.6
    tone: float = 0.0
    transport: float = 0.0
    clip: str = "ViT-L-14/openai"
    num_vectors: int = 1
    learning_rate: float = 1e-3
    train_steps: int = 1000
    crop: int = 0
    batch_size: int = 4
    early_stop: int = 6
    noise_offset: float = 0.0
    max_norm_ratio: float = 100.0
    prompt: str = "[C]"
    plain_prompt: str = "a painting"


CLIP_OF_TEXT_WIDTH = {768: "ViT-L-14/openai", 1024: "ViT-H-14/laion2b_s32b_b79k"}
"""For each width of the text encoder, the CLIP model that it is part of: both use the same token embedding."""


def family_defaults(*, text_width: int, resolution: int) -> ModelDefaults:
    """The defaults of a Stable Diffusion model without an ``inst.json``.

    Args:
        text_width: width of the text encoder, which decides the matching CLIP model.
        resolution: length of the short side in pixels that the model was trained at.
    """
    return ModelDefaults(resolution=resolution, clip=CLIP_OF_TEXT_WIDTH.get(text_width, ModelDefaults.clip))


def with_overrides(defaults: ModelDefaults, overrides: Mapping[str, Any], origin: str) -> ModelDefaults:
    """``defaults`` with the values of some fields replaced.

    Args:
        defaults: the values to replace.
        overrides: new values by field name, from ``inst.json``.
        origin: the name of the file in error messages.

    Raises:
        ModelError: there is no such field, or a value has the wrong type.

    >>> with_overrides(ModelDefaults(), {"resolution": 128}, "inst.json").resolution
    128
    """
    types = {field.name: type(getattr(defaults, field.name)) for field in dataclasses.fields(defaults)}
    if unknown := sorted(set(overrides) - set(types)):
        raise ModelError(f"{origin} has the unknown field {unknown[0]}: known fields are {', '.join(types)}")
    for name, value in overrides.items():
        if not isinstance(value, (int, float) if types[name] is float else types[name]):
            raise ModelError(f"{origin}: {name}={value!r} is not of the type {types[name].__name__}")
    return dataclasses.replace(defaults, **overrides)

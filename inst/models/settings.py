"""What a model wants to be run with when the user says nothing. Imports neither torch nor any other package."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inst.errors import ModelError

DEFAULTS_FILE = "inst.json"
"""Beside a model's weights: the fields of `ModelDefaults` it wants other than its family's."""


@dataclass(frozen=True, kw_only=True)
class ModelDefaults:
    """How a model is best run.

    Attributes:
        resolution: the short side in pixels that it was trained at.
        num_steps: DDIM steps for the whole schedule; a strength below 1 runs that share of them.
        guidance_scale: classifier-free guidance, 1 is none.
        strength: how far a photo is noised, 0 … 1.
        clip: what `inst.clip.load_clip` takes; ``local-dir:clip`` is relative to the model's folder.
        tone: how much of the painting's tone a photo is given before it is noised, 0 … 1.
        transport: how far every step moves the picture's patches to the painting's, 0 … 1.
        num_vectors: how many token vectors spell a style.
        learning_rate: of the inversion, per sample.
        train_steps: of the inversion, at most.
        crop: side in pixels of the squares a painting is learned from; 0 for `resolution`.
        batch_size: timesteps learned from in one step of the inversion.
        noise_offset: standard deviation of the noise common to a whole channel that the U-Net was trained with.
        max_norm_ratio: how many times as long as the vocabulary's a style's vectors may be.
        early_stop: validations without a lower loss that end the inversion.
        prompt: under which a style is learned and applied.
        plain_prompt: the same without a style, for comparisons.
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
"""The CLIP a text encoder of this width was cut from: it shares the space of the token vectors."""


def family_defaults(*, text_width: int, resolution: int) -> ModelDefaults:
    """Defaults of a Stable Diffusion model that brings none of its own."""
    return ModelDefaults(resolution=resolution, clip=CLIP_OF_TEXT_WIDTH.get(text_width, ModelDefaults.clip))


def with_overrides(defaults: ModelDefaults, overrides: Mapping[str, Any], origin: str) -> ModelDefaults:
    """`defaults` with the fields that ``inst.json`` names.

    Raises:
        ModelError: a field of that name does not exist, or a value has the wrong type.
    """
    kinds = {field.name: type(getattr(defaults, field.name)) for field in dataclasses.fields(defaults)}
    if unknown := sorted(set(overrides) - set(kinds)):
        raise ModelError(f"{origin} has the unknown field {unknown[0]}: known are {', '.join(kinds)}")
    for name, value in overrides.items():
        if not isinstance(value, (int, float) if kinds[name] is float else kinds[name]):
            raise ModelError(f"{origin}: {name}={value!r} is no {kinds[name].__name__}")
    return dataclasses.replace(defaults, **overrides)

"""What can be chosen when a picture is made. ``None`` means the model's own default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inst.options import check_options, option


@dataclass(frozen=True, kw_only=True)
class SamplingSettings:
    """What stylizing a photo and making a picture from text have in common.

    Raises:
        ConfigError: a value out of its range.
    """

    num_steps: int | None = option(None, "sampling steps of strength 1", low=1, high=1000, flag="steps")
    guidance_scale: float | None = option(
        None, "how hard the prompt pulls; 1 is no guidance", low=0.0, high=100.0, flag="guidance"
    )
    seed: int = option(0, "seed; the image at position i uses seed + i", low=0, high=2**32 - 1)
    sampler: Literal["ddim", "dpm++", "unipc"] = option(
        "ddim", "ddim as published; dpm++ and unipc need fewer steps", choices=("ddim", "dpm++", "unipc")
    )
    transport: float | None = option(
        None, "how far every step moves the picture's patches to the painting's", low=0.0, high=1.0
    )
    negative_prompt: str = option("", "what the guidance pulls away from")
    prompt: str | None = option(None, "text with [C] (or [name] of a named style) in it")
    batch_size: int = option(1, "pictures computed at once", low=1, high=256)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class StylizeSettings(SamplingSettings):
    """A photo under a style."""

    strength: float | None = option(
        None, "how far the photo is noised: 0 gives it back, 1 keeps hardly more than masses", low=0.0, high=1.0
    )
    tone: float | None = option(
        None, "how much of the painting's tone the photo is given first (AdaIN on latents)", low=0.0, high=1.0
    )
    keep_colors: bool = option(False, "keep the photo's colours, take the painting's lightness")
    inversion: bool = option(True, "--no-inversion is plain img2img, the ablation")
    resolution: int | None = option(None, "short side in pixels to work at", low=64, high=2048)


@dataclass(frozen=True, kw_only=True)
class GenerateSettings(SamplingSettings):
    """A picture from a prompt."""

    num_images: int = option(1, "pictures to make", low=1, high=1000)
    height: int | None = option(None, "pixels", low=64, high=2048)
    width: int | None = option(None, "pixels", low=64, high=2048)

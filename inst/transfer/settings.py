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

    num_steps: int | None = option(
        None, "sampling steps for strength 1; a lower strength runs that share of them", low=1, high=1000, flag="steps"
    )
    guidance_scale: float | None = option(
        None, "classifier-free guidance scale; 1 is no guidance", low=0.0, high=100.0, flag="guidance"
    )
    seed: int = option(0, "random seed; the picture at position i uses seed + i", low=0, high=2**32 - 1)
    sampler: Literal["ddim", "dpm++", "unipc"] = option(
        "ddim", "ddim as published; dpm++ and unipc need fewer steps", choices=("ddim", "dpm++", "unipc")
    )
    transport: float | None = option(
        None,
        "how far each step moves the latent patches to the painting's distribution: 0 not at all, 1 fully",
        low=0.0,
        high=1.0,
    )
    negative_prompt: str = option("", "prompt that guidance moves away from")
    prompt: str | None = option(None, "text with [C], or [name] of a named style, in it")
    batch_size: int = option(1, "pictures computed at once", low=1, high=256)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class StylizeSettings(SamplingSettings):
    """A photo under a style.

    >>> import inst
    >>> inst.StylizeSettings(strength=0.6).strength
    0.6
    """

    strength: float | None = option(
        None, "how far the photo is noised: 0 returns it unchanged, 1 keeps only the coarse layout", low=0.0, high=1.0
    )
    tone: float | None = option(
        None,
        "how much of the painting's tone the photo takes on before it is noised (AdaIN on latents)",
        low=0.0,
        high=1.0,
    )
    keep_colors: bool = option(False, "keep the photo's colours and take only the lightness of the result")
    inversion: bool = option(True, "--no-inversion is plain img2img, the ablation")
    resolution: int | None = option(None, "short side in pixels that the model works at", low=64, high=2048)


@dataclass(frozen=True, kw_only=True)
class GenerateSettings(SamplingSettings):
    """A picture from a prompt.

    >>> import inst
    >>> inst.GenerateSettings(num_images=4).num_images
    4
    """

    num_images: int = option(1, "number of pictures to make", low=1, high=1000)
    height: int | None = option(None, "of the pictures, in pixels", low=64, high=2048)
    width: int | None = option(None, "of the pictures, in pixels", low=64, high=2048)

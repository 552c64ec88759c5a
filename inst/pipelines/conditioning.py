"""From a prompt and weighted styles to what sampling is conditioned on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from inst.diffusion.tone import Tone, tone_of
from inst.diffusion.transport import PatchDistribution, is_distribution, patch_distribution
from inst.errors import ConfigError, InstWarning
from inst.inversion.prepare import encode_painting, model_defaults
from inst.inversion.settings import InversionSettings, resolve
from inst.models.vocabulary import describe_unknown_words
from inst.pipelines.session import Session
from inst.pipelines.styles import WeightedStyle
from inst.placeholders import PLACEHOLDER
from inst.shapes import Latents
from inst.transfer.mixing import mixture, weighted_mean
from inst.transfer.photo import StyleConditioning
from inst.transfer.prompts import encode_styled

_GIVE_PAINTING = "give it (--style-image painting.jpg, or WeightedStyle(painting=…) in Python)"


def condition(
    session: Session,
    styles: Sequence[WeightedStyle],
    *,
    prompt: str,
    negative_prompt: str = "",
    tone: float = 0.0,
    transport: float = 0.0,
    transport_required: bool = False,
) -> StyleConditioning:
    """Encode the prompt with the styles in it, and collect what tone and transport need of their paintings.

    Warns of words that the model never learned.

    Args:
        tone, transport: 0 leaves the part out.
        transport_required: transport was asked for, so that a style without patches is an error, not a warning.

    Raises:
        TokenError: prompt and styles do not match.
        ConfigError: tone or required patches that no style records.
    """
    model = session.model
    if unknown := describe_unknown_words(f"{prompt} {negative_prompt}", model.folder):
        warnings.warn(unknown, InstWarning, stacklevel=2)
    return StyleConditioning(
        conditioning=encode_styled(model, prompt, [one.vectors for one in styles], model.defaults.plain_prompt),
        unconditional=model.text.encode_prompt([negative_prompt], {}),
        tone=_mixed_tone(session, styles) if tone else None,
        patches=_mixed_patches(session, styles, required=transport_required) if styles and transport else None,
        strength=mixture(styles).strength if styles else 1.0,
    )


def default_prompt(session: Session, styles: Sequence[WeightedStyle]) -> str:
    """The model's own prompt with every named style in it; without styles its plain prompt."""
    if not styles:
        return session.defaults.plain_prompt
    names = list(dict.fromkeys(one.placeholder for one in styles))
    return session.defaults.prompt.replace(PLACEHOLDER, " ".join(names))


def _mixed_tone(session: Session, styles: Sequence[WeightedStyle]) -> Tone:
    """The paintings' tone, mixed by the styles' weights.

    Raises:
        ConfigError: no style records its painting's tone.
    """
    tones = [(weight, _tone(session, one)) for weight, one in zip(mixture(styles).weights, styles, strict=True)]
    known = [(weight, tone) for weight, tone in tones if tone is not None]
    if not known:
        raise ConfigError(f"tone needs the painting, whose tone this style does not record: {_GIVE_PAINTING}")
    return Tone(*(weighted_mean([(weight, tone[part]) for weight, tone in known]) for part in (0, 1)))


def _tone(session: Session, used: WeightedStyle) -> Tone | None:
    """As the style file records it, or from the painting itself."""
    metadata = used.style.metadata
    if "tone" in metadata and _recorded_by(session, used):
        return Tone(*(torch.tensor(metadata["tone"][name]).reshape(1, -1, 1, 1) for name in Tone._fields))
    latents = _painting_latents(session, used)
    return None if latents is None else Tone(*(part.cpu() for part in tone_of(latents)))


def _mixed_patches(session: Session, styles: Sequence[WeightedStyle], *, required: bool) -> PatchDistribution | None:
    """The paintings' patches, mixed by the styles' weights.

    Raises:
        ConfigError: they are required, and no style records its painting's patches.
    """
    found = [(weight, _patches(session, one)) for weight, one in zip(mixture(styles).weights, styles, strict=True)]
    known = [(weight, patches) for weight, patches in found if patches is not None]
    if known:
        return weighted_mean(known)
    missing = "transport needs the painting, whose patches this style does not record"
    if required:
        raise ConfigError(f"{missing}: {_GIVE_PAINTING}")
    warnings.warn(f"{missing}, and is left out: {_GIVE_PAINTING}, or learn it again", InstWarning, stacklevel=2)
    return None


def _patches(session: Session, used: WeightedStyle) -> PatchDistribution | None:
    """As the style file records them, or from the painting itself."""
    patches = used.style.patches
    if patches is not None and _recorded_by(session, used) and is_distribution(patches, session.model.latent_channels):
        return patches
    latents = _painting_latents(session, used)
    return None if latents is None else patch_distribution(latents).cpu()


def _recorded_by(session: Session, used: WeightedStyle) -> bool:
    """Whether what the style records of its painting's latents was computed by this very model."""
    return used.style.metadata.get("model_hash") == session.model.revision_hash


def _painting_latents(session: Session, used: WeightedStyle) -> Latents | None:
    """The painting's latents, where the painting was given."""
    if used.painting is None:
        return None
    settings = resolve(InversionSettings(flip=False), model_defaults(session.model))
    with torch.no_grad():
        return encode_painting(session.model, used.painting.image, settings)

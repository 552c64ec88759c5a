"""From a prompt and the styles of a run to what the model is conditioned on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inst.commands.common.progress import warn
from inst.commands.diffusion.options import GenerateRun, StylizeRun
from inst.commands.diffusion.used_styles import UsedStyle
from inst.diffusion.tone import Tone, tone_of
from inst.diffusion.transport import PatchDistribution, is_distribution, patch_distribution
from inst.errors import ConfigError
from inst.inversion.prepare import encode_painting, model_defaults
from inst.inversion.settings import InversionSettings, resolve
from inst.models.vocabulary import tell_unknown_words
from inst.pipelines.session import Session
from inst.shapes import Latents
from inst.stylize.photo import Style
from inst.stylize.prompts import PLACEHOLDER, encode_styled


def compose(session: Session, styles: Sequence[UsedStyle], run: StylizeRun | GenerateRun) -> Style:
    """Conditioning of the prompt under the styles, and what tone and transport need; tells of words never learned."""
    model = session.model
    prompt = run.prompt if run.prompt is not None else default_prompt(session, styles)
    if unknown := tell_unknown_words(f"{run.prompt or ''} {run.negative_prompt}", model.folder):
        warn(unknown)
    return Style(
        conditioning=encode_styled(model, prompt, [used.weighted() for used in styles], model.defaults.plain_prompt),
        unconditional=model.text.encode_prompt([run.negative_prompt], {}),
        tone=_mixed_tone(session, styles) if isinstance(run, StylizeRun) and tone_share(session, run) else None,
        patches=_mixed_patches(session, styles, run) if styles and transport_share(session, run) else None,
        weight=sum(used.weight for used in styles) if styles else 1.0,
    )


def default_prompt(session: Session, styles: Sequence[UsedStyle]) -> str:
    """The model's own prompt, with every named style in it."""
    names = list(dict.fromkeys(used.placeholder for used in styles))
    return session.model.defaults.prompt.replace(PLACEHOLDER, " ".join(names))


def tone_share(session: Session, run: StylizeRun) -> float:
    """How much of the painting's tone is taken, 0–1: the run's word, or else the model's."""
    return session.model.defaults.tone if run.tone is None else run.tone


def transport_share(session: Session, run: StylizeRun | GenerateRun) -> float:
    """How far patches are moved to the painting's, 0–1: the run's word, or else the model's."""
    return session.model.defaults.transport if run.transport is None else run.transport


def mixed(weighted: Sequence[tuple[float, Tensor]]) -> Tensor:
    """The mean by weight. Of quantiles on a line it is the barycentre (Bonneel et al. 2015)."""
    total = sum(weight for weight, _ in weighted) or 1.0
    return torch.stack([weight * value for weight, value in weighted]).sum(0) / total


def _mixed_tone(session: Session, styles: Sequence[UsedStyle]) -> Tone:
    """The paintings' tone, mixed by the styles' weights.

    Raises:
        ConfigError: no style knows its painting's.
    """
    tones = [(used.weight, _tone(session, used)) for used in styles]
    known = [(weight, tone) for weight, tone in tones if tone is not None]
    if not known:
        raise ConfigError("--tone takes the painting's tone, which this style does not know: add --style-image")
    return Tone(*(mixed([(weight, tone[part]) for weight, tone in known]) for part in (0, 1)))


def _tone(session: Session, used: UsedStyle) -> Tone | None:
    """As the style file records it, or from the painting itself."""
    metadata = used.token.metadata
    if "tone" in metadata and _seen_with(session, used):
        return Tone(*(torch.tensor(metadata["tone"][name]).reshape(1, -1, 1, 1) for name in Tone._fields))
    latents = _painting(session, used)
    return None if latents is None else Tone(*(part.cpu() for part in tone_of(latents)))


def _mixed_patches(
    session: Session, styles: Sequence[UsedStyle], run: StylizeRun | GenerateRun
) -> PatchDistribution | None:
    """The paintings' patches, mixed by the styles' weights.

    Raises:
        ConfigError: they were asked for and no style knows its painting's.
    """
    found = [(used.weight, _patches(session, used)) for used in styles]
    known = [(weight, patches) for weight, patches in found if patches is not None]
    if known:
        return mixed(known)
    missing = "takes the painting's patches, which this style does not know: add --style-image"
    if run.transport is not None:
        raise ConfigError(f"--transport {missing}")
    warn(f"{session.model.name} {missing}, or learn the painting again")
    return None


def _patches(session: Session, used: UsedStyle) -> PatchDistribution | None:
    """As the style file records them, or from the painting itself."""
    patches = used.token.patches
    if patches is not None and _seen_with(session, used) and is_distribution(patches, session.model.latent_channels):
        return patches
    latents = _painting(session, used)
    return None if latents is None else patch_distribution(latents).cpu()


def _seen_with(session: Session, used: UsedStyle) -> bool:
    """Whether what the style records of its painting's latents is in this model's terms."""
    return used.token.metadata.get("model_hash") == session.model.revision_hash


def _painting(session: Session, used: UsedStyle) -> Latents | None:
    """The painting's latents, where it was given."""
    if used.painting is None:
        return None
    settings = resolve(InversionSettings(flip=False), model_defaults(session.model))
    with torch.no_grad():
        return encode_painting(session.model, used.painting.image, settings)

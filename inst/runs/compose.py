"""From a prompt and the styles of a run to what the model is conditioned on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from inst.diffusion.tone import Tone, tone_of
from inst.errors import ConfigError
from inst.inversion.prepare import encode_painting, model_defaults
from inst.inversion.settings import InversionSettings, resolve
from inst.models.vocabulary import tell_unknown_words
from inst.runs.bars import warn
from inst.runs.settings import GenerateRun, StylizeRun
from inst.runs.studio import Studio
from inst.runs.used_styles import UsedStyle
from inst.stylize.photo import Style
from inst.stylize.prompts import PLACEHOLDER, encode_styled


def compose(studio: Studio, styles: Sequence[UsedStyle], run: StylizeRun | GenerateRun) -> Style:
    """Conditioning of the prompt under the styles, and what the tone needs; tells of words the model never learned."""
    model = studio.model
    prompt = run.prompt if run.prompt is not None else default_prompt(studio, styles)
    if unknown := tell_unknown_words(f"{run.prompt or ''} {run.negative_prompt}", model.folder):
        warn(unknown)
    return Style(
        conditioning=encode_styled(model, prompt, [used.weighted() for used in styles], model.defaults.plain_prompt),
        unconditional=model.text.encode_prompt([run.negative_prompt], {}),
        tone=_mixed_tone(studio, styles) if isinstance(run, StylizeRun) and tone_share(studio, run) else None,
    )


def default_prompt(studio: Studio, styles: Sequence[UsedStyle]) -> str:
    """The model's own prompt, with every named style in it."""
    names = list(dict.fromkeys(used.placeholder for used in styles))
    return studio.model.defaults.prompt.replace(PLACEHOLDER, " ".join(names))


def tone_share(studio: Studio, run: StylizeRun) -> float:
    """How much of the painting's tone is taken, 0–1: the run's word, or else the model's."""
    return studio.model.defaults.tone if run.tone is None else run.tone


def _mixed_tone(studio: Studio, styles: Sequence[UsedStyle]) -> Tone:
    """The paintings' tone, mixed by the styles' weights.

    Raises:
        ConfigError: no style knows its painting's.
    """
    tones = [(used.weight, _tone(studio, used)) for used in styles]
    known = [(weight, tone) for weight, tone in tones if tone is not None]
    if not known:
        raise ConfigError("--tone takes the painting's tone, which this style does not know: add --style-image")
    total = sum(weight for weight, _ in known) or 1.0
    mean, std = (sum(weight * tone[part] for weight, tone in known) / total for part in (0, 1))
    return Tone(torch.as_tensor(mean), torch.as_tensor(std))


def _tone(studio: Studio, used: UsedStyle) -> Tone | None:
    """As the style file records it, or from the painting itself."""
    facts = used.token.facts
    if "tone" in facts and facts.get("model_hash") == studio.model.revision_hash:
        return Tone(*(torch.tensor(facts["tone"][name]).reshape(1, -1, 1, 1) for name in Tone._fields))
    if used.painting is None:
        return None
    settings = resolve(InversionSettings(flip=False), model_defaults(studio.model))
    return Tone(*(part.cpu() for part in tone_of(encode_painting(studio.model, used.painting.image, settings))))

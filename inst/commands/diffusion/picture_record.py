"""What made a picture, from the run that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from inst.commands.common.record import Record, a1111_parameters, to_json
from inst.commands.diffusion.options import GenerateRun, StylizeRun
from inst.commands.diffusion.used_styles import UsedStyle
from inst.image import Picture
from inst.pipelines.compose import default_prompt
from inst.pipelines.session import Session
from inst.shapes import Image
from inst.stylize.photo import PhotoSettings

SAMPLER_NAMES = {"ddim": "DDIM", "dpm++": "DPM++ 2M", "unipc": "UniPC"}


def make_record(
    session: Session,
    run: StylizeRun | GenerateRun,
    styles: Sequence[UsedStyle],
    result: Image,
    *,
    seed: int,
    num_steps: int,
    guidance_scale: float,
    strength: float | None = None,
    settings: dict[str, Any] | None = None,
) -> Record:
    """What made a picture: enough to make it again.

    Args:
        settings: what only this command has, beside what every picture has.
    """
    model = session.model
    used = [
        {"name": one.token.name, "hash": one.token.hash, "placeholder": one.placeholder, "weight": one.weight}
        for one in styles
    ]
    return Record(
        prompt=run.prompt if run.prompt is not None else default_prompt(session, styles),
        negative_prompt=run.negative_prompt,
        steps=num_steps,
        sampler=SAMPLER_NAMES[run.sampler],
        cfg_scale=float(guidance_scale),
        seed=seed,
        width=result.shape[3],
        height=result.shape[2],
        model=model.name,
        model_hash=model.revision_hash,
        strength=strength,
        token_hashes={one.token.name: one.token.hash[:12] for one in styles},
        settings={
            "sampler": run.sampler,
            "styles": used,
            "dtype": str(session.placement.dtype).removeprefix("torch."),
            "torch": torch.__version__,
        }
        | (settings or {}),
    )


def photo_record(
    session: Session,
    run: StylizeRun,
    styles: Sequence[UsedStyle],
    settings: PhotoSettings,
    result: Image,
    content: Picture,
) -> Record:
    """What made a stylized photo."""
    own = ("tone", "transport", "keep_colors", "inversion", "resolution")
    return make_record(
        session,
        run,
        styles,
        result,
        seed=settings.seed,
        num_steps=settings.num_steps,
        guidance_scale=settings.guidance_scale,
        strength=settings.strength,
        settings={name: getattr(settings, name) for name in own} | {"content_sha256": content.sha256},
    )


def texts(record: Record) -> dict[str, str]:
    """The texts a picture carries, by their keys."""
    return {"parameters": a1111_parameters(record), "inst": to_json(record)}

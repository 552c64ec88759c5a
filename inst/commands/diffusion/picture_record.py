"""The record of how a picture was made, which the picture carries."""

from __future__ import annotations

from typing import Any

import torch

from inst.commands.common.record import Record, a1111_parameters, to_json
from inst.image import Picture
from inst.pipelines.style_transfer import Stylizer
from inst.pipelines.text_to_image import TextToImage
from inst.shapes import Image
from inst.transfer.photo import PhotoSettings

SAMPLER_NAMES = {"ddim": "DDIM", "dpm++": "DPM++ 2M", "unipc": "UniPC"}
PHOTO_SETTINGS = ("tone", "transport", "keep_colors", "inversion", "resolution")


def photo_record(stylizer: Stylizer, settings: PhotoSettings, result: Image, content: Picture) -> Record:
    """The record of a stylized photo: enough to make it again.

    Args:
        settings: of this photo, with its own seed.
    """
    own = {name: getattr(settings, name) for name in PHOTO_SETTINGS} | {"content_sha256": content.sha256}
    return _record(stylizer, result, settings.seed, strength=settings.strength, own=own)


def generated_record(maker: TextToImage, result: Image, seed: int) -> Record:
    """The record of a picture from text."""
    return _record(maker, result, seed, own={"transport": maker.settings.transport})


def _record(
    maker: Stylizer | TextToImage, result: Image, seed: int, *, strength: float | None = None, own: dict[str, Any]
) -> Record:
    session, settings = maker.session, maker.settings
    used = [
        {"name": one.style.name, "hash": one.style.hash, "placeholder": one.placeholder, "weight": one.weight}
        for one in maker.styles
    ]
    return Record(
        prompt=maker.prompt,
        negative_prompt=maker.negative_prompt,
        steps=settings.num_steps,
        sampler=SAMPLER_NAMES[settings.sampler],
        cfg_scale=float(settings.guidance_scale),
        seed=seed,
        width=result.shape[3],
        height=result.shape[2],
        model=session.model.name,
        model_hash=session.model.revision_hash,
        strength=strength,
        token_hashes={one.style.name: one.style.hash[:12] for one in maker.styles},
        settings={
            "sampler": settings.sampler,
            "styles": used,
            "dtype": str(session.placement.dtype).removeprefix("torch."),
            "torch": torch.__version__,
        }
        | own,
    )


def texts(record: Record) -> dict[str, str]:
    """The texts a picture carries, by their keys."""
    return {"parameters": a1111_parameters(record), "inst": to_json(record)}

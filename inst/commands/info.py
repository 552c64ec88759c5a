"""``inst info`` and ``inst models``: what a file holds, and which models there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inst.commands.common.progress import say
from inst.commands.diffusion.styles import PICTURES, is_painting, read_style
from inst.errors import InputError
from inst.files import sniff
from inst.image import read_image_text


def info(file: Path) -> int:
    """``inst info``: what a style file or a picture holds."""
    if not file.is_file():
        raise InputError(f"{file} does not exist: give a style file or a picture made by inst")
    if sniff(file) in PICTURES and is_painting(file):
        return _picture_info(file)
    token = read_style(file) if sniff(file) == "safetensors" else None
    if token is None:
        from inst.inversion.dialects import read_foreign

        foreign = read_foreign(file)
        say(f"{file}\n  form: {foreign.dialect}\n  name: {foreign.name}")
        if foreign.vectors is not None:
            say(f"  vectors: {foreign.vectors.shape[0]} of width {foreign.vectors.shape[1]}")
        else:
            say("  holds an inversion module: needs its painting (--style-image)")
        return 0
    rows: dict[str, Any] = {
        "name": token.name,
        "vectors": f"{token.vectors.shape[0]} of width {token.vectors.shape[1]}",
    }
    rows |= {key: value for key, value in token.metadata.items() if key != "settings"}
    rows["module"] = f"{sum(v.numel() for v in token.module.values()):,} parameters" if token.module else "none"
    rows["patches"] = "none" if token.patches is None else "the painting's, for --transport"
    rows["hash"] = token.hash[:16]
    say("\n".join([str(file), *(f"  {key}: {value}" for key, value in rows.items())]))
    return 0


def _picture_info(file: Path) -> int:
    text = read_image_text(file)
    if not text:
        raise InputError(f"{file} carries no settings: it was not made by inst, or with --no-metadata")
    say("\n".join([str(file), *(f"  {key}: {value}" for key, value in text.items())]))
    return 0


def models() -> int:
    """``inst models``: a line for each name."""
    from inst.models.source import embedded_faces, known_models

    for row in (*known_models(), embedded_faces()):
        say(f"{row.name:10} {'here' if row.is_here else 'not here':9} {row.needs}")
    say("any other: a hub id, a diffusers folder, or one .safetensors or .ckpt file in Stable Diffusion's layout")
    say("faces (--generator): rosinality's .pt, NVIDIA's StyleGAN2-ADA .pkl, or inst's .safetensors")
    return 0

"""``inst info`` and ``inst models``: what a file contains, and which models are available."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inst.commands.common.progress import say
from inst.commands.diffusion.options import InfoOptions, ModelsOptions
from inst.commands.diffusion.styles import STYLES
from inst.errors import InputError
from inst.files import sniff
from inst.image import read_image_text
from inst.inversion.dialects import read_foreign
from inst.pipelines.styles import PICTURE_KINDS, find_style, is_painting, read_style


def info(options: InfoOptions) -> int:
    """``inst info``: what a style file or a picture contains. Returns the exit code.

    Raises:
        InputError: no such file, or a picture without settings.
    """
    if not options.file:
        raise InputError("no file was given: inst info FILE (a style, or a picture that inst made)")
    file = find_style(options.file, [STYLES])
    if file is None:
        raise InputError(f"{options.file} does not exist: give a style file or a picture made by inst")
    if sniff(file) in PICTURE_KINDS and is_painting(file):
        return _picture_info(file)
    if sniff(file) != "safetensors":
        return _foreign_info(file)
    style = read_style(file)
    rows: dict[str, Any] = {
        "name": style.name,
        "vectors": f"{style.vectors.shape[0]} of width {style.vectors.shape[1]}",
    }
    rows |= {key: value for key, value in style.metadata.items() if key != "settings"}
    rows["module"] = f"{sum(v.numel() for v in style.module.values()):,} parameters" if style.module else "none"
    rows["patches"] = "none" if style.patches is None else "the painting's, for --transport"
    rows["hash"] = style.hash[:16]
    say("\n".join([str(file), *(f"  {key}: {value}" for key, value in rows.items())]))
    return 0


def _foreign_info(file: Path) -> int:
    foreign = read_foreign(file)
    say(f"{file}\n  form: {foreign.dialect}\n  name: {foreign.name}")
    if foreign.vectors is not None:
        say(f"  vectors: {foreign.vectors.shape[0]} of width {foreign.vectors.shape[1]}")
    else:
        say("  holds an inversion module: it also needs its painting (--style-image)")
    return 0


def _picture_info(file: Path) -> int:
    text = read_image_text(file)
    if not text:
        raise InputError(f"{file} carries no settings: it was not made by inst, or with --no-metadata")
    say("\n".join([str(file), *(f"  {key}: {value}" for key, value in text.items())]))
    return 0


def models(options: ModelsOptions) -> int:
    """``inst models``: a line for each name. Returns the exit code."""
    from inst.models.source import embedded_generator, known_models

    for row in (*known_models(), embedded_generator()):
        say(f"{row.name:10} {'here' if row.is_local else 'not here':9} {row.needs}")
    say("any other: a hub id, a diffusers folder, or one .safetensors or .ckpt file in Stable Diffusion's layout")
    say("faces (--generator): rosinality's .pt, NVIDIA's StyleGAN2-ADA .pkl, or inst's .safetensors")
    return 0

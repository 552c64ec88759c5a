"""``--from-image``: the settings that a picture made before carries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inst.commands.common.progress import warn
from inst.commands.common.record import from_json
from inst.commands.diffusion.styles import STYLES
from inst.errors import InputError, InstError, TokenError
from inst.image import read_image_text
from inst.pipelines.styles import read_style, shipped_styles
from inst.placeholders import PLACEHOLDER

KEPT = ("sampler", "tone", "keep_colors", "inversion", "resolution")


def settings_from_image(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a picture, by option name; what is given beside them is applied over them by the caller.

    Args:
        given: the options that were given, so that a style which is overridden is not looked for.

    Raises:
        InputError: the picture carries no settings of ours.
        TokenError: its style is not here.
    """
    text = read_image_text(path).get("inst")
    if text is None:
        raise InputError(f"--from-image {path} carries no settings of inst: give a picture that inst made")
    record = from_json(text)
    if record.model != "mini" and "model" not in given:
        warn(f"{path} was made with {record.model}: --model names it; now the miniature is used")
    made: dict[str, Any] = {
        "prompt": record.prompt,
        "negative_prompt": record.negative_prompt,
        "num_steps": record.steps,
        "guidance_scale": record.cfg_scale,
        "seed": record.seed,
        "strength": record.strength,
        "width": record.width,
        "height": record.height,
        "transport": record.settings.get("transport", 0.0),  # pictures from before transport existed record none
    }
    if not given.get("style"):
        made["style"] = tuple(_find_style(row) for row in record.settings.get("styles", []))
    made |= {name: record.settings.get(name) for name in KEPT}
    return {name: value for name, value in made.items() if value is not None}


def _find_style(row: dict[str, Any]) -> str:
    """The ``--style`` of a recorded style: the file with the same token vectors.

    An export has the same vectors and lacks the rest of the style, so a file with its painting's patches is preferred.
    """
    found: Path | None = None
    for path in [*STYLES.glob("*.safetensors"), *shipped_styles()]:
        try:
            style = read_style(path)
        except InstError:
            continue
        if style.hash == row["hash"] and (found is None or style.patches is not None):
            found = path
            if style.patches is not None:
                break
    if found is None:
        raise TokenError(f"the style {row['name']} of that picture is not in {STYLES}/: give it with --style")
    name = "" if row["placeholder"] == PLACEHOLDER else row["placeholder"].strip("[]") + "="
    return f"{name}{found}:{row['weight']}"

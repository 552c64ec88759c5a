"""``--from-image``: the settings that a picture made before carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inst.commands.common.progress import warn
from inst.commands.common.record import from_json
from inst.commands.diffusion.styles import STYLES, read_style
from inst.errors import InputError, InstError, TokenError
from inst.image import read_image_text
from inst.options import filled
from inst.stylize.prompts import PLACEHOLDER


def from_image(run: Any) -> Any:
    """The run with the settings that a picture made before carries; what was given beside them wins."""
    if run.from_image is None:
        return run
    text = read_image_text(Path(run.from_image)).get("inst")
    if text is None:
        raise InputError(f"--from-image {run.from_image} carries no settings of inst: give a picture that inst made")
    record = from_json(text)
    if record.model != "mini" and run.model == "mini":
        warn(f"{run.from_image} was made with {record.model}: --model names it; now the miniature is used")
    made: dict[str, Any] = {
        "prompt": record.prompt,
        "negative_prompt": record.negative_prompt,
        "num_steps": record.steps,
        "guidance_scale": record.cfg_scale,
        "seed": record.seed,
        "strength": record.strength,
        "width": record.width,
        "height": record.height,
        "transport": record.settings.get("transport", 0.0),  # pictures from before there was any say nothing
        "style": tuple(_find_style(row) for row in record.settings.get("styles", [])),
    }
    others = ("sampler", "tone", "keep_colors", "inversion", "resolution")
    made |= {name: record.settings.get(name) for name in others}
    return filled(run, made)


def _find_style(row: dict[str, Any]) -> str:
    """The file in styles/ whose vectors a picture was made with."""
    from inst import assets

    for path in [*STYLES.glob("*.safetensors"), *(assets.mini_folder() / "styles").glob("*.safetensors")]:
        try:
            if read_style(path).hash == row["hash"]:
                name = "" if row["placeholder"] == PLACEHOLDER else row["placeholder"].strip("[]") + "="
                return f"{name}{path}:{row['weight']}"
        except InstError:
            continue
    raise TokenError(f"the style {row['name']} of that picture is not in {STYLES}/: give it with --style")

"""``inst demo``: photo, painting and result, side by side."""

from __future__ import annotations

import warnings
from pathlib import Path

from inst.errors import InputError
from inst.image import from_pil, read_image, resize, side_by_side, write_image
from inst.runs.bars import bar, say, watch
from inst.runs.compose import compose
from inst.runs.photos import demo_photo
from inst.runs.settings import ModelOptions, StylizeRun
from inst.runs.studio import Studio
from inst.runs.stylize import photo_settings
from inst.runs.used_styles import UsedStyle, learn_once
from inst.stylize.photo import stylize as stylize_photo
from inst.stylize.prompts import PLACEHOLDER


def demo(output: Path, style: Path | None, content: Path | None) -> int:
    """``inst demo``: photo, painting and result, side by side."""
    warnings.simplefilter("ignore")
    studio = Studio(ModelOptions())
    painting = read_image(style or _demo_painting())
    resolution = studio.model.defaults.resolution
    photo = from_pil(demo_photo(resolution)) if content is None else read_image(content).image
    token = learn_once(studio, painting)
    run = StylizeRun()
    used = UsedStyle(token, PLACEHOLDER, 1.0, painting)
    settings = photo_settings(studio, run)
    with bar(int(settings.strength * settings.num_steps) + 1, "stylizing") as progress:
        result = watch(stylize_photo(studio.model, photo, compose(studio, [used], run), settings), progress)
    height = photo.shape[2]
    beside = resize(painting.image, height, round(painting.image.shape[3] * height / painting.image.shape[2]))
    write_image(output, side_by_side([photo, beside, result]))
    say(f"{output}: the photo, the painting, and the photo in the painting's manner")
    return 0


def _demo_painting() -> Path:
    painting = Path("style_images/night.jpg")
    if not painting.is_file():
        raise InputError(
            "the demo's painting is not here: run it in the project's folder, or give --style painting.jpg"
        )
    return painting

"""``inst demo``: photo, painting and result, side by side."""

from __future__ import annotations

import warnings
from pathlib import Path

from inst.commands.common.inputs import demo_photo
from inst.commands.common.progress import bar, say, watch
from inst.commands.diffusion.kept_styles import learn_once
from inst.commands.diffusion.options import ModelOptions, StylizeRun
from inst.commands.diffusion.styles import STYLES
from inst.commands.diffusion.stylize import photo_settings
from inst.commands.diffusion.used_styles import UsedStyle
from inst.errors import InputError
from inst.image import from_pil, read_image, resize, side_by_side, write_image
from inst.pipelines.compose import compose
from inst.pipelines.session import Session
from inst.stylize.photo import stylize as stylize_photo
from inst.stylize.prompts import PLACEHOLDER


def demo(output: Path, style: Path | None, content: Path | None) -> int:
    """``inst demo``: photo, painting and result, side by side."""
    warnings.simplefilter("ignore")
    session = Session(ModelOptions())
    painting = read_image(style or _demo_painting())
    resolution = session.model.defaults.resolution
    photo = from_pil(demo_photo(resolution)) if content is None else read_image(content).image
    token = learn_once(session, painting, STYLES)
    run = StylizeRun()
    used = UsedStyle(token, PLACEHOLDER, 1.0, painting)
    settings = photo_settings(session, run)
    with bar(int(settings.strength * settings.num_steps) + 1, "stylizing") as progress:
        result = watch(stylize_photo(session.model, photo, compose(session, [used], run), settings), progress)
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

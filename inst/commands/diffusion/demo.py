"""``inst demo``: photo, painting and result, side by side."""

from __future__ import annotations

import warnings
from pathlib import Path

from inst import assets
from inst.commands.common.progress import bar, say
from inst.commands.diffusion.kept_styles import learn_once
from inst.commands.diffusion.options import DemoOptions
from inst.commands.diffusion.styles import STYLES
from inst.image import as_picture, read_image, resize, side_by_side, write_image
from inst.image.demo import demo_photo
from inst.pipelines.session import Session
from inst.pipelines.style_transfer import Stylizer


def demo(options: DemoOptions) -> int:
    """``inst demo``. Returns the exit code."""
    warnings.simplefilter("ignore")
    session = Session()
    painting = read_image(Path(options.style) if options.style else assets.demo_painting())
    photo = as_picture(options.content or demo_photo(session.defaults.resolution))
    stylizer = Stylizer(learn_once(session, painting, STYLES), session)
    result = None
    with bar(stylizer.steps_per_photo, "stylizing") as progress:
        for step in stylizer.steps([photo]):
            progress.update()
            result = step.tensor
    assert result is not None
    height = photo.image.shape[2]
    beside = resize(painting.image, height, round(painting.image.shape[3] * height / painting.image.shape[2]))
    write_image(Path(options.output), side_by_side([photo.image, beside, result]))
    say(f"{options.output}: the photo, the painting, and the photo in the painting's style")
    return 0

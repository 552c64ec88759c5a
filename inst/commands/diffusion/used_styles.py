"""The styles of a run: files read and checked against the model, paintings learned first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inst.commands.common.progress import say
from inst.commands.diffusion.kept_styles import learn_once
from inst.commands.diffusion.options import PictureOptions
from inst.commands.diffusion.styles import STYLES, StyleSpec, is_painting, newest_style, read_style
from inst.errors import TokenError
from inst.image import Picture, read_image
from inst.inversion.token import StyleToken
from inst.pipelines.session import Session
from inst.stylize.prompts import WeightedStyle


@dataclass(frozen=True)
class UsedStyle:
    """A style token, how it is used, and its painting where the run was given it."""

    token: StyleToken
    placeholder: str
    weight: float
    painting: Picture | None = None

    def weighted(self) -> WeightedStyle:
        return WeightedStyle(self.token.vectors, self.placeholder, self.weight)


def use_styles(
    session: Session, specs: Sequence[StyleSpec], run: PictureOptions, painting: str | None
) -> list[UsedStyle]:
    """The style tokens of a run; a painting among them is learned first, unless it was before.

    Raises:
        TokenError: none given and none there, or one that does not fit the model.
    """
    if not specs:
        path = newest_style(session)
        if path is None:
            raise TokenError(
                f"there is no style for {session.model.name}: learn one (inst train --style painting.jpg --model "
                f"{run.model}) or name a painting (--style painting.jpg)"
            )
        say(f"style: {path.stem} (the newest that fits; --style names another)")
        specs = [StyleSpec(path)]
    return [_use(session, spec, run, painting) for spec in specs]


def _use(session: Session, spec: StyleSpec, run: PictureOptions, painting: str | None) -> UsedStyle:
    if is_painting(spec.path):
        picture = read_image(spec.path, max_megapixels=run.max_megapixels)
        token = learn_once(session, picture, STYLES)
        return UsedStyle(token, spec.placeholder, spec.weight, picture)
    clip = session.clip if painting is not None else None
    token = read_style(spec.path, clip=clip, painting=None if painting is None else Path(painting))
    session.check(token)
    picture = None if painting is None else read_image(Path(painting), max_megapixels=run.max_megapixels)
    return UsedStyle(token, spec.placeholder, spec.weight, picture)

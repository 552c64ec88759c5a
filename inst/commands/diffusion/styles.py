"""From ``--style`` to weighted styles: files are read, paintings are learned first; the newest is the default."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inst.commands.common.progress import say
from inst.commands.diffusion.kept_styles import learn_once
from inst.commands.diffusion.options import PictureOptions
from inst.errors import ConfigError, InputError, TokenError
from inst.image import read_image
from inst.inversion.token import load_token
from inst.pipelines.session import Session
from inst.pipelines.styles import (
    MAX_WEIGHT,
    WeightedStyle,
    find_style,
    is_painting,
    missing_style,
    read_style,
    shipped_styles,
)
from inst.placeholders import PLACEHOLDER, is_placeholder

STYLES = Path("styles")
"""Where learned styles are kept."""


@dataclass(frozen=True)
class StyleSpec:
    """One ``--style``: ``[name=]file[:weight]``."""

    path: Path
    placeholder: str = PLACEHOLDER
    weight: float = 1.0


def parse_spec(text: str) -> StyleSpec:
    """Read ``file``, ``file:0.7``, ``name=file`` or ``name=file:0.7``. A file whose very name looks like that wins.

    Instead of a file, the bare name of a style in `STYLES` or of a shipped one may be given.

    Raises:
        ConfigError: a weight or a name that is not accepted.
        InputError: there is no such file or style.
    """
    placeholder, weight, rest = PLACEHOLDER, 1.0, text
    if not _find(rest) and (match := re.match(r"([A-Za-z][\w-]*)=(.+)", rest)):
        placeholder, rest = f"[{match[1]}]", match[2]
        if not is_placeholder(placeholder):
            raise ConfigError(f"--style {text}: the name {match[1]} is too short: give at least two characters")
    if not _find(rest) and (match := re.fullmatch(r"(.+):([^:/\\]*)", rest)) and _find(match[1]):
        rest, weight = match[1], _weight(match[2], text)
    path = _find(rest)
    if path is None:
        raise InputError(f"--style {text}: {missing_style(rest, [STYLES])}")
    return StyleSpec(path, placeholder, weight)


def _find(name: str) -> Path | None:
    return find_style(name, [STYLES])


def _weight(word: str, text: str) -> float:
    try:
        weight = float(word)
    except ValueError:
        weight = float("nan")
    if not 0 <= weight <= MAX_WEIGHT:
        raise ConfigError(f"--style {text}: the weight {word} is not accepted: give a number from 0 to {MAX_WEIGHT:g}")
    return weight


def use_styles(
    session: Session, specs: Sequence[StyleSpec], options: PictureOptions, painting: str | None = None
) -> list[WeightedStyle]:
    """The styles of a run; a painting among them is learned first, unless it was before.

    Args:
        painting: the painting behind a style file that does not record what it is needed for.

    Raises:
        TokenError: none was given and none is available, or one does not fit the model.
    """
    if not specs:
        path = newest_style(session)
        if path is None:
            raise TokenError(
                f"there is no style for {session.name}: learn one (inst train painting.jpg --model {options.model}) "
                "or name a painting (--style painting.jpg)"
            )
        say(f"style: {path.stem} (the newest that fits; --style names another)")
        specs = [StyleSpec(path)]
    return [_use(session, spec, options, painting) for spec in specs]


def _use(session: Session, spec: StyleSpec, options: PictureOptions, painting: str | None) -> WeightedStyle:
    if is_painting(spec.path):
        picture = read_image(spec.path, max_megapixels=options.max_megapixels)
        return WeightedStyle(learn_once(session, picture, STYLES), spec.weight, spec.placeholder, picture)
    picture = None if painting is None else read_image(Path(painting), max_megapixels=options.max_megapixels)
    style = read_style(spec.path, clip=None if picture is None else session.clip, painting=picture)
    session.check(style)
    return WeightedStyle(style, spec.weight, spec.placeholder, picture)


def newest_style(session: Session, folder: Path = STYLES) -> Path | None:
    """The style learned last that fits the model; where there is none, one that comes with the model."""
    learned = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
    shipped = shipped_styles() if session.source.kind == "mini" else []
    for path in [*learned, *shipped]:
        try:
            if session.fits(load_token(path)):
                return path
        except (InputError, TokenError):
            continue
    return None

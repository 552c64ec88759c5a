"""From what ``--style`` says to a style token: a file of ours or of another tool, a painting, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from inst import assets
from inst.clip.backbone import ClipBackbone
from inst.commands.common.outputs import safe_name
from inst.errors import ConfigError, InputError, TokenError
from inst.files import sniff
from inst.image import read_image
from inst.inversion.dialects import ForeignEmbedding, read_foreign
from inst.inversion.learner import load_module
from inst.inversion.token import StyleToken, load_token
from inst.inversion.views import embed_as_the_release_did
from inst.options import did_you_mean
from inst.pipelines.session import Session
from inst.stylize.prompts import PLACEHOLDER

STYLES = Path("styles")
PICTURES = {"png", "jpeg", "webp", "gif", "bmp", "tiff"}


@dataclass(frozen=True)
class StyleSpec:
    """One ``--style``: ``[name=]file[:weight]``."""

    path: Path
    placeholder: str = PLACEHOLDER
    weight: float = 1.0


def parse_spec(text: str) -> StyleSpec:
    """Read ``file``, ``file:0.7``, ``name=file`` or ``name=file:0.7``. A file whose name looks like that wins.

    A file may be a style's bare name, too: of one learned into `STYLES`, or of one that comes with the miniature.

    Raises:
        ConfigError: a weight that is no number from 0 to 2.
        InputError: there is no such file or style.
    """
    placeholder, weight, rest = PLACEHOLDER, 1.0, text
    if not _find(rest) and (match := re.match(r"([A-Za-z][\w-]*)=(.+)", rest)):
        placeholder, rest = f"[{match[1]}]", match[2]
    if not _find(rest) and (match := re.fullmatch(r"(.+):([^:/\\]*)", rest)) and _find(match[1]):
        rest, weight = match[1], _weight(match[2], text)
    path = _find(rest)
    if path is None:
        near = did_you_mean(rest, [style.stem for folder in _style_folders() for style in folder.glob("*.safetensors")])
        raise InputError(
            f"--style {text}: there is no file {rest}, and no style of that name{near}; give a style file, a painting, "
            "or the name of a learned style, as [name=]file[:weight]"
        )
    return StyleSpec(path, placeholder, weight)


def _find(name: str) -> Path | None:
    if Path(name).is_file():
        return Path(name)
    styles = [folder / f"{name}.safetensors" for folder in _style_folders()] if Path(name).name == name else []
    return next((style for style in styles if style.is_file()), None)


def _style_folders() -> tuple[Path, ...]:
    return STYLES, assets.FOLDER / assets.MINI / "styles"


def _weight(word: str, text: str) -> float:
    try:
        weight = float(word)
    except ValueError:
        weight = float("nan")
    if not 0 <= weight <= 2:
        raise ConfigError(f"--style {text}: the weight {word} is not accepted: give a number from 0 to 2")
    return weight


def is_painting(path: Path) -> bool:
    """Whether a ``--style`` is a picture to learn from; a picture that carries an embedding is a style file."""
    if sniff(path) not in PICTURES:
        return False
    try:
        read_foreign(path)
    except (InputError, TokenError):
        return True
    return False


def read_style(path: Path, *, clip: ClipBackbone | None = None, painting: Path | None = None) -> StyleToken:
    """A style token file of ours, or any textual-inversion file of another tool.

    Args:
        clip, painting: needed by a style file of the authors' release, which holds a module and not its vectors.

    Raises:
        InputError, TokenError: not a style; damaged; for another kind of model.
    """
    if sniff(path) == "safetensors":
        try:
            return load_token(path)
        except TokenError as error:
            if "is not a style token of inst" not in str(error):
                raise
    foreign = read_foreign(path)
    vectors = foreign.vectors if foreign.vectors is not None else _release_vectors(foreign, path, clip, painting)
    return StyleToken(name=safe_name(foreign.name), vectors=vectors.float(), metadata={"dialect": foreign.dialect})


def _release_vectors(
    foreign: ForeignEmbedding, path: Path, clip: ClipBackbone | None, painting: Path | None
) -> torch.Tensor:
    if painting is None or clip is None:
        raise TokenError(
            f"{path} is a style of the authors' release: it holds the inversion module and needs its painting, too: "
            "--style-image painting.jpg"
        )
    state = foreign.attention_state
    assert state is not None
    inner, dim = state["attn1.to_q.weight"].shape
    metadata = {"dim": dim, "num_heads": 8, "head_dim": inner // 8, "token_dim": state["net.1.weight"].shape[0]}
    module = load_module(metadata, state).eval()
    with torch.no_grad():
        return module(embed_as_the_release_did(clip, read_image(painting).image).cpu())[0]


def newest_style(session: Session, folder: Path = STYLES) -> Path | None:
    """The style learned last that fits the model; where there is none, one that comes with the model."""
    learned = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [*learned, *bundled_styles(session)]:
        try:
            if session.fits(load_token(path)):
                return path
        except (InputError, TokenError):
            continue
    return None


def bundled_styles(session: Session) -> Sequence[Path]:
    """The styles that come with the embedded model."""
    if session.source.kind != "mini":
        return []
    return sorted((assets.mini_folder() / "styles").glob("*.safetensors"))

"""From what a caller calls a style to style tokens: names, files of ours and of other tools, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch

from inst import assets
from inst.clip.backbone import ClipBackbone
from inst.errors import ConfigError, InputError, TokenError
from inst.files import sniff
from inst.files.names import is_file, safe_name
from inst.image import Picture, PictureInput, as_picture
from inst.inversion.dialects import ForeignEmbedding, read_foreign
from inst.inversion.learner import load_module
from inst.inversion.token import NotAStyleTokenError, StyleToken, load_token
from inst.inversion.views import embed_as_the_release_did
from inst.options import did_you_mean
from inst.pipelines.session import Session
from inst.placeholders import PLACEHOLDER, is_placeholder
from inst.transfer.prompts import WeightedVectors

PICTURE_KINDS = frozenset({"png", "jpeg", "webp", "gif", "bmp", "tiff"})
SUFFIX = ".safetensors"
MAX_WEIGHT = 2.0
_RELEASE_HEADS = 8


@dataclass(frozen=True)
class WeightedStyle:
    """A style, and how it is used in a prompt.

    Attributes:
        style: the style token.
        weight: its share where several styles stand for one placeholder, 0–2: where the weights of several sum to more
            than 1 they are divided by their sum; where they sum to less, the remainder goes to the prompt without a
            style.
        placeholder: what stands for it in the prompt: ``[C]``, or ``[name]`` to use several in one prompt.
        painting: the painting itself, for what the style file does not record (tone and patches of another tool's
            embedding).

    Raises:
        ConfigError: a weight out of range, or a name that is not a placeholder.

    >>> import inst
    >>> inst.WeightedStyle(inst.load_style("night"), weight=0.7).placeholder
    '[C]'
    """

    style: StyleToken
    weight: float = 1.0
    placeholder: str = PLACEHOLDER
    painting: Picture | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= MAX_WEIGHT:
            raise ConfigError(f"the weight {self.weight} is not accepted: give a number from 0 to {MAX_WEIGHT:g}")
        if not is_placeholder(self.placeholder):
            raise ConfigError(
                f"the placeholder {self.placeholder} is not accepted: give [C], or a name of at least two letters, "
                "digits, _ or - in brackets, such as [sea]"
            )

    @property
    def vectors(self) -> WeightedVectors:
        """Its token vectors with placeholder and weight."""
        return WeightedVectors(self.style.vectors, self.placeholder, self.weight)


StyleInput: TypeAlias = (
    str | Path | StyleToken | WeightedStyle | tuple[Any, float] | Sequence[Any] | Mapping[str, Any] | None
)
"""One style (a token, a file, a shipped name), ``(style, weight)``, a list of these, or ``{"sea": style}`` by name."""


def list_styles() -> list[str]:
    """The names of the styles that come with the embedded model.

    >>> import inst
    >>> "night" in inst.list_styles()
    True
    """
    return sorted(path.stem for path in shipped_styles())


def shipped_styles() -> list[Path]:
    """The files of the styles that come with the embedded model."""
    return sorted((assets.FOLDER / assets.MINI / "styles").glob(f"*{SUFFIX}"))


def find_style(name: str | Path, folders: Sequence[Path] = ()) -> Path | None:
    """The file of a style: one of that path, else one of that name in the folders, else a shipped one."""
    if is_file(name):
        return Path(name)
    if Path(name).name != str(name):
        return None
    places = [*folders, assets.FOLDER / assets.MINI / "styles"]
    return next((path for place in places if is_file(path := place / f"{name}{SUFFIX}")), None)


def missing_style(name: str | Path, folders: Sequence[Path] = ()) -> InputError:
    """The error for a style that is neither a file nor a known name; it lists the names there are."""
    known = sorted({path.stem for folder in folders for path in folder.glob(f"*{SUFFIX}")} | set(list_styles()))
    near = did_you_mean(str(name), known)
    return InputError(
        f"there is no file {name}, and no style of that name{near}; give a style file, a painting, or one of "
        f"{', '.join(known)}"
    )


def load_style(style: str | Path, *, model: Session | None = None, painting: PictureInput | None = None) -> StyleToken:
    """Read a learned style.

    Args:
        style: the name of a shipped style (:func:`list_styles`), a style file of ours, or a textual-inversion file of
            another tool: AUTOMATIC1111, ComfyUI, InvokeAI, kohya, diffusers, OneTrainer, or the InST authors' release.
        model, painting: needed by files of the authors' release alone, which hold the inversion module instead of its
            output: the model whose CLIP sees the painting, and the painting.

    Raises:
        InputError: no such file or name, a picture, or a damaged file.
        TokenError: no style, or a style for another kind of model.

    >>> import inst
    >>> inst.load_style("night").vectors.shape
    torch.Size([4, 192])
    """
    path = find_style(style)
    if path is None:
        raise missing_style(style)
    if is_painting(path):
        raise InputError(f"{path} is a picture, not a style: learn its style first (inst.learn_style, inst train)")
    return read_style(path, clip=None if model is None or painting is None else model.clip, painting=painting)


def is_painting(path: Path) -> bool:
    """Whether a file is a picture to learn from; a picture that carries an embedding is a style file."""
    if sniff(path) not in PICTURE_KINDS:
        return False
    try:
        read_foreign(path)
    except (InputError, TokenError):
        return True
    return False


def read_style(path: Path, *, clip: ClipBackbone | None = None, painting: PictureInput | None = None) -> StyleToken:
    """A style token from a file of ours, or any textual-inversion file of another tool.

    Args:
        clip, painting: needed by a style file of the authors' release, which holds a module instead of its vectors.

    Raises:
        InputError, TokenError: not a style; damaged; for another kind of model.
    """
    if sniff(path) == "safetensors":
        try:
            return load_token(path)
        except NotAStyleTokenError:
            pass
    foreign = read_foreign(path)
    vectors = foreign.vectors if foreign.vectors is not None else _release_vectors(foreign, path, clip, painting)
    return StyleToken(name=safe_name(foreign.name), vectors=vectors.float(), metadata={"dialect": foreign.dialect})


def _release_vectors(
    foreign: ForeignEmbedding, path: Path, clip: ClipBackbone | None, painting: PictureInput | None
) -> torch.Tensor:
    if painting is None or clip is None:
        raise TokenError(
            f"{path} is a style of the authors' release: it holds the inversion module and also needs its painting: "
            "--style-image painting.jpg, or model= and painting= in Python"
        )
    state = foreign.attention_state
    assert state is not None
    inner, dim = state["attn1.to_q.weight"].shape
    token_dim = state["net.1.weight"].shape[0]
    metadata = {"dim": dim, "num_heads": _RELEASE_HEADS, "head_dim": inner // _RELEASE_HEADS, "token_dim": token_dim}
    module = load_module(metadata, state).eval()
    with torch.no_grad():
        return module(embed_as_the_release_did(clip, as_picture(painting).image).cpu())[0]


def weighted_styles(style: StyleInput, session: Session) -> list[WeightedStyle]:
    """Every accepted form of one style or several, as a list, each checked against the model.

    Raises:
        InputError, TokenError: no style, or one that does not fit the model.
        ConfigError: a weight or a name that is not accepted.
    """
    styles = _listed(style)
    for one in styles:
        session.check(one.style)
    return styles


def _listed(style: Any) -> list[WeightedStyle]:
    if style is None:
        return []
    if isinstance(style, Mapping):
        return [_weighted(one, f"[{str(name).strip('[]')}]") for name, one in style.items()]
    if isinstance(style, list) or (isinstance(style, tuple) and not _is_pair(style)):
        return [_weighted(one) for one in style]
    return [_weighted(style)]


def _is_pair(style: tuple[Any, ...]) -> bool:
    return len(style) == 2 and isinstance(style[1], int | float)


def _weighted(style: Any, placeholder: str = PLACEHOLDER) -> WeightedStyle:
    if isinstance(style, WeightedStyle):
        return style
    weight = 1.0
    if isinstance(style, tuple) and _is_pair(style):
        style, weight = style
    if isinstance(style, str | Path):
        style = load_style(style)
    if not isinstance(style, StyleToken):
        raise InputError(
            f"a style cannot be a {type(style).__name__}: give a style token, a file or a shipped name, "
            "(style, weight), or a list of these"
        )
    return WeightedStyle(style, float(weight), placeholder)

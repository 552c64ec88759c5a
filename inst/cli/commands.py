"""The table of commands: what each takes, and the function that carries it out, imported only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inst.commands.diffusion.options import (
    DemoOptions,
    ExportOptions,
    GenerateOptions,
    InfoOptions,
    ModelsOptions,
    StylizeOptions,
    TrainOptions,
)
from inst.commands.faces.options import (
    AlignOptions,
    DirectionsOptions,
    EditOptions,
    FfclipOptions,
    InvertOptions,
    MapperOptions,
)

_DIFFUSION = "inst.commands.diffusion"
_FACES = "inst.commands.faces"


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        options: the dataclass of its options.
        summary: one line for ``inst --help``.
        function: ``module:function``, which takes the options and returns an exit code.
        from_image: ``module:function`` that reads the settings of a picture, for commands with ``--from-image``.
    """

    options: type
    summary: str
    function: str
    from_image: str | None = None

    def run(self, options: Any) -> int:
        """Carry the command out; imports PyTorch, which ``--help`` must not wait for."""
        return resolve(self.function)(options)


def resolve(reference: str) -> Callable[..., Any]:
    """The function that ``module:function`` names."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


_FROM_IMAGE = f"{_DIFFUSION}.from_image:settings_from_image"
COMMANDS: dict[str, Command] = {
    "train": Command(TrainOptions, "learn the style of a painting", f"{_DIFFUSION}.train:train"),
    "stylize": Command(StylizeOptions, "give a style to photos", f"{_DIFFUSION}.stylize:stylize", _FROM_IMAGE),
    "generate": Command(
        GenerateOptions, "make pictures from a prompt with [C] in it", f"{_DIFFUSION}.generate:generate", _FROM_IMAGE
    ),
    "edit": Command(
        EditOptions, "edit faces by text", f"{_FACES}.edit:edit", f"{_FACES}.from_image:settings_from_image"
    ),
    "invert": Command(InvertOptions, "find the latent codes of faces, to edit them later", f"{_FACES}.invert:invert"),
    "align": Command(AlignOptions, "crop and align faces as face models expect them", f"{_FACES}.align:align"),
    "directions prepare": Command(
        DirectionsOptions,
        "measure a generator's channels, for edit --method directions",
        f"{_FACES}.directions:prepare_directions",
    ),
    "mapper train": Command(
        MapperOptions, "train a mapper for one text, for edit --method mapper", f"{_FACES}.train_mapper:train_mapper"
    ),
    "ffclip train": Command(
        FfclipOptions,
        "train FFCLIP on a list of texts, for edit --method ffclip",
        f"{_FACES}.train_ffclip:train_ffclip",
    ),
    "export": Command(ExportOptions, "write a style for other tools", f"{_DIFFUSION}.export:export"),
    "info": Command(InfoOptions, "show what a style file or picture contains", "inst.commands.info:info"),
    "models": Command(
        ModelsOptions, "list the models: what each needs, and whether it is here", "inst.commands.info:models"
    ),
    "demo": Command(
        DemoOptions, "learn a painting, stylize a photo, and write them side by side", f"{_DIFFUSION}.demo:demo"
    ),
}

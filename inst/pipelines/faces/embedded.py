"""What options mean by ``avatars``, and what they stand for where the embedded generator is in use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from inst.assets import AVATARS, MINI, avatars_folder, mini_folder
from inst.commands.common.progress import warn
from inst.commands.faces.options import EditRun, EncodeOptions, GanOptions
from inst.errors import InputError
from inst.gan.styleclip.directions import ALPHA
from inst.gan.styleclip.optimize import OptimizeSettings
from inst.models.vocabulary import describe_unknown_words
from inst.options import did_you_mean

FILES = {
    "generator": "generator.safetensors",
    "encoder": "encoder.safetensors",
    "identity": "identity.safetensors",
    "directions": "directions.safetensors",
    "ffclip": "ffclip.safetensors",
    "latents": "examples.safetensors",
}
"""What ``avatars`` is for each option that takes a file."""
CLIP_FOLDER = "clip"
PREPARED = ("directions", "ffclip")
"""Methods whose files come with the embedded generator."""
USUAL_CLIP = "ViT-B-32"
NONE = "none"
OPTIMIZING = {"l2": 0.002, "pixel_weight": 2.0, "jitter": 0.1}
"""For avatars, whose small CLIP finds a text in much that has nothing to do with it: the pixels are held more than the
code, and what CLIP sees must stand noise. Measured by `benchmarks.gan_edits`."""
PUBLISHED = {
    "l2": OptimizeSettings.l2_weight,
    "pixel_weight": OptimizeSettings.pixel_weight,
    "jitter": OptimizeSettings.jitter,
}
_Run = TypeVar("_Run", bound=GanOptions)


def uses_avatars(options: GanOptions) -> bool:
    """Whether the generator is the embedded one."""
    return options.generator == AVATARS


def with_defaults(run: _Run) -> _Run:
    """The run with its networks named: those beside the embedded generator, or what other generators take."""
    own = uses_avatars(run)
    values: dict[str, Any] = {"identity": _default(run.identity, own)}
    if run.clip == "auto":
        values["clip"] = AVATARS if own else USUAL_CLIP
    if isinstance(run, EncodeOptions):
        values["encoder"] = _default(run.encoder, own)
    if isinstance(run, EditRun) and run.neutral is None:
        values["neutral"] = "a face" if own else "face"
    if isinstance(run, EditRun) and run.alpha is None and not own:
        values["alpha"] = ALPHA
    if isinstance(run, EditRun):
        usual = OPTIMIZING if own else PUBLISHED
        values |= {name: value for name, value in usual.items() if getattr(run, name) is None}
    return replace(run, **values)


def packaged_model(clip: str) -> Path | None:
    """Folder of the packaged model whose CLIP is named; ``None`` for every other CLIP.

    Raises:
        ModelError: the embedded avatars are not in this copy of the package.
    """
    folders = {MINI: mini_folder, AVATARS: avatars_folder}
    return folders[clip]() if clip in folders else None


def tell_words(clip: str, text: str) -> None:
    """Warns of words that a packaged CLIP never learned."""
    if unknown := describe_unknown_words(text, packaged_model(clip)):
        warn(unknown)


def _default(given: str | None, own: bool) -> str | None:
    if given == NONE:
        return None
    return AVATARS if given is None and own else given


def find_file(file: str | None, option: str) -> Path | None:
    """The file that an option names, ``avatars`` being the embedded one.

    Raises:
        InputError: it is not there.
        ModelError: the embedded avatars are not in this copy of the package.
    """
    if file is None:
        return None
    if file == AVATARS and option in FILES:
        return avatars_folder() / FILES[option]
    if not Path(file).is_file():
        near = did_you_mean(file, [AVATARS]) if option in FILES else ""
        raise InputError(f"--{option} {file} does not exist{near}: give a file")
    return Path(file)

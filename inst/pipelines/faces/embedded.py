"""What the names ``avatars``, ``auto`` and ``none`` stand for: the networks and defaults of the embedded generator."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from inst.assets import AVATAR_FILES, AVATARS, MINI, avatars_folder, mini_folder
from inst.errors import InputError, InstWarning
from inst.files.names import is_file
from inst.gan.settings import OptimizeWeights
from inst.gan.styleclip.directions import ALPHA
from inst.models.vocabulary import describe_unknown_words
from inst.options import did_you_mean
from inst.pipelines.faces.settings import EditSettings

PREPARED = ("directions", "ffclip")
"""Methods whose files come with the embedded generator."""
USUAL_CLIP = "ViT-B-32"
AUTO, NONE = "auto", "none"
AVATAR_WEIGHTS = OptimizeWeights(l2=0.002, pixels=2.0, jitter=0.1)
"""For avatars: their small CLIP scores many unrelated changes as a match of the text. So the loss weighs pixels more
than codes, and CLIP is given noisy pictures. Measured by `benchmarks.gan_edits`."""
_Settings = TypeVar("_Settings", bound=EditSettings)


@dataclass(frozen=True)
class NetworkFiles:
    """The files of a session's networks. They exist, and have not been read yet.

    Attributes:
        clip: as `inst.clip.load_clip` takes it, or ``mini`` or ``avatars``; ``None`` for no CLIP.
        identity, encoder: ``None`` for none.
        embedded: whether the generator is the embedded one.
    """

    generator: Path
    clip: str | None
    identity: Path | None
    encoder: Path | None
    embedded: bool


def find_networks(
    generator: str | Path, clip: str = AUTO, identity: str | Path | None = None, encoder: str | Path | None = None
) -> NetworkFiles:
    """Resolve the names of a session's networks.

    Args:
        generator: ``avatars``, or a file.
        clip: ``auto`` is ``avatars`` for that generator and ViT-B-32 for others; ``none`` is no CLIP.
        identity, encoder: a file, or ``none``; ``None`` is the embedded one for ``avatars`` and none for others.

    Raises:
        InputError: a file that is not there.
        ModelError: the embedded avatars are not in this copy of the package.
    """
    embedded = str(generator) == AVATARS
    found = find_file(generator, "generator")
    assert found is not None
    if clip == AUTO:
        clip = AVATARS if embedded else USUAL_CLIP
    packaged_model(clip)
    return NetworkFiles(
        generator=found,
        clip=None if clip == NONE else clip,
        identity=find_file(_or_own(identity, embedded), "identity"),
        encoder=find_file(_or_own(encoder, embedded), "encoder"),
        embedded=embedded,
    )


def _or_own(given: str | Path | None, embedded: bool) -> str | Path | None:
    if given is None:
        return AVATARS if embedded else None
    return None if str(given) == NONE else given


def edit_defaults(settings: _Settings, *, embedded: bool) -> _Settings:
    """The settings with the generator's defaults in place of ``None``.

    ``alpha`` stays ``None`` for the embedded generator, where it is chosen for each face, and ``beta`` for every one,
    as it is chosen for each text. ``identity_weight`` depends on the session's identity network.
    """
    usual = AVATAR_WEIGHTS if embedded else OptimizeWeights()
    values: dict[str, Any] = {
        "neutral": "a face" if embedded else "face",
        "alpha": None if embedded else ALPHA,
        "l2": usual.l2,
        "pixel_weight": usual.pixels,
        "jitter": usual.jitter,
    }
    return replace(settings, **{name: value for name, value in values.items() if getattr(settings, name) is None})


def packaged_model(clip: str | None) -> Path | None:
    """The folder of the packaged model whose CLIP is named; ``None`` for every other CLIP.

    Raises:
        ModelError: the embedded avatars are not in this copy of the package.
    """
    folders = {MINI: mini_folder, AVATARS: avatars_folder}
    return folders[clip]() if clip in folders else None


def warn_of_unknown_words(clip: str | None, text: str) -> None:
    """Warn of words that a packaged CLIP was not trained on."""
    if unknown := describe_unknown_words(text, packaged_model(clip)):
        warnings.warn(unknown, InstWarning, stacklevel=2)


def find_file(file: str | Path | None, option: str) -> Path | None:
    """The file that an option names; ``avatars`` is the embedded one.

    Raises:
        InputError: it is not there.
        ModelError: the embedded avatars are not in this copy of the package.
    """
    if file is None:
        return None
    if str(file) == AVATARS and option in AVATAR_FILES:
        return avatars_folder() / AVATAR_FILES[option]
    if not is_file(file):
        near = did_you_mean(str(file), [AVATARS]) if option in AVATAR_FILES else ""
        raise InputError(f"--{option} {file} does not exist{near}: give a file")
    return Path(file)

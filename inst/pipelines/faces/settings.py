"""Settings of face editing, each declared once: the Python API and the command line share help text, range and default.

Only the standard library is imported here, because ``inst edit --help`` must not wait for torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from inst.gan.settings import InvertSettings, OptimizeSettings
from inst.options import check_options, option

TRUNCATION = 0.7
"""Truncation ψ of randomly sampled faces, where none is given."""


@dataclass(frozen=True, kw_only=True)
class EditSettings(OptimizeSettings):
    """How faces are edited. ``None`` stands for the default of the method, the generator and its CLIP.

    Raises:
        ConfigError: a value out of its range.

    >>> import inst
    >>> inst.EditSettings(alpha=3.0).alpha
    3.0
    """

    method: str = option(
        "auto",
        "editing method; auto: the one whose file is given, else directions for the generator avatars and optimize for "
        "others",
        choices=("auto", "optimize", "mapper", "directions", "ffclip"),
    )
    strength: float = option(
        1.0, "factor on the edit: 0 is no edit, negative values are the opposite edit", low=-10.0, high=10.0
    )
    neutral: str | None = option(
        None,
        "--method directions: text that describes the face as it is (default: face; for the generator avatars: a face)",
    )
    alpha: float | None = option(
        None,
        "--method directions: strength, published -10 to 10 (default: 3; avatars: chosen for each face)",
        low=-30.0,
        high=30.0,
    )
    beta: float | None = option(
        None,
        "--method directions: channels of lower relevance to the text are not changed; higher values change fewer "
        "channels (default: chosen for each text)",
        low=0.0,
        high=1.0,
    )
    mapper: str | None = option(None, "--method mapper: file of inst mapper train, or StyleCLIP's .pt")
    directions: str | None = option(
        None, "--method directions: file of inst directions prepare, or fs3.npy (default: for avatars its own)"
    )
    statistics: str | None = option(
        None, "--method directions: S_mean_std that belongs to an fs3.npy (default: those in --directions)"
    )
    ffclip: str | None = option(
        None, "--method ffclip: file of inst ffclip train, or FFCLIP's .pt (default: for avatars its own)"
    )
    batch_size: int = option(8, "faces edited at once by directions, mapper and ffclip", low=1, high=256)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """Where the faces of a photo are, and which of them are taken: the largest, one by its number, or all.

    Raises:
        ConfigError: a value out of its range.
    """

    landmarks: str | None = option(
        None,
        "68 landmarks per face (.npy, .json or text), or a folder with such a file for each photo (default: detected "
        "with the package face-alignment)",
    )
    face: int | None = option(None, "which face of a photo; 0 is the largest", low=0, high=999)
    all: bool = option(False, "take every face of a photo")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class AlignSettings(FaceSettings):
    """How faces are cropped and aligned."""

    size: int = option(1024, "side in pixels", low=64, high=4096)


@dataclass(frozen=True, kw_only=True)
class EncodeSettings(FaceSettings):
    """How the latent codes of the faces in a photo are found.

    >>> import inst
    >>> inst.EncodeSettings(aligned=True).aligned
    True
    """

    aligned: bool = option(
        False,
        "the photos are aligned faces already (made by inst align); square pictures always are for the generator "
        "avatars",
    )
    invert_steps: int | None = option(
        None,
        f"steps of inversion by optimisation (default: 0 with an encoder, else {InvertSettings.steps})",
        low=0,
        high=10_000,
    )


@dataclass(frozen=True, kw_only=True)
class PhotoEditSettings(EncodeSettings, EditSettings):
    """How the faces of a photo are edited and pasted back.

    >>> import inst
    >>> inst.PhotoEditSettings(feather=0.2).feather
    0.2
    """

    feather: float = option(
        0.1, "width of the blended border of a face that is pasted back, as a share of its side", low=0.0, high=0.5
    )

    def __post_init__(self) -> None:
        check_options(self)

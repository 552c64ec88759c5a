"""The options of ``inst edit`` resolved into what is edited, how, and where results go, before a network is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inst.assets import AVATARS
from inst.commands.common.claims import Claims
from inst.commands.common.outputs import plan_numbered, plan_outputs
from inst.commands.common.video import check_video_path
from inst.commands.faces.options import EditOptions
from inst.errors import ConfigError, InputError
from inst.files.names import safe_name
from inst.gan.codes import read_codes
from inst.options import values_of
from inst.pipelines.faces.embedded import NetworkFiles, edit_defaults, find_file
from inst.pipelines.faces.methods import MAKERS, choose_method
from inst.pipelines.faces.settings import PhotoEditSettings

Source = Literal["photos", "random", "latents", "example"]
"""Where faces come from; an example is one of the embedded avatars."""
MAX_VIDEO_FACES = 8


@dataclass(frozen=True, kw_only=True)
class EditJob:
    """One run of ``inst edit``.

    Attributes:
        text: ``None`` for a mapper or saved edits.
        method: an editing method, or ``edits`` for saved edits.
        settings: with the generator's defaults.
        edits: files of saved edits with their weights.
        source: where the faces come from.
        latents: file of stored codes, also that of the embedded examples.
        embedded_latents: whether that is the file of the embedded examples.
        outputs: where the picture of each face or photo goes.
        save_edit, video: where the edit and the video go.
        metadata: whether pictures carry their settings.
    """

    text: str | None
    method: str
    settings: PhotoEditSettings
    edits: Sequence[tuple[Path, float]]
    source: Source
    photos: Sequence[Path]
    random: int
    truncation: float
    seed: int
    latents: Path | None
    embedded_latents: bool
    outputs: Sequence[Path]
    save_edit: Path | None
    video: Path | None
    frames: int
    metadata: bool
    max_megapixels: float


def plan_edit(options: EditOptions, photos: Sequence[Path], files: NetworkFiles, claims: Claims) -> EditJob:
    """Resolve the options, and claim the outputs.

    Raises:
        ConfigError: options that contradict one another, or one that is missing.
        InputError: a file that is not there, no face, or a result that exists already.
    """
    latents = find_file(options.latents, "latents")
    settings = PhotoEditSettings(**values_of(options, PhotoEditSettings))
    if options.edits:
        _check_edits_alone(options)
        method = "edits"
    else:
        method = choose_method(settings, options.text, files)
    edits = [_saved_edit(spec) for spec in options.edits]
    source = _choose_source(options, photos, files.embedded)
    if source == "example":
        latents = find_file(AVATARS, "latents")
    outputs = _plan_results(options, photos, source, method, latents, claims)
    _check_extras(options, len(outputs), claims)
    return EditJob(
        text=options.text,
        method=method,
        settings=edit_defaults(settings, embedded=files.embedded),
        edits=edits,
        source=source,
        photos=photos,
        random=options.random,
        truncation=options.truncation,
        seed=options.seed,
        latents=latents,
        embedded_latents=source == "example" or options.latents == AVATARS,
        outputs=outputs,
        save_edit=None if options.save_edit is None else Path(options.save_edit),
        video=None if options.video is None else Path(options.video),
        frames=options.frames,
        metadata=options.metadata,
        max_megapixels=options.max_megapixels,
    )


def _check_edits_alone(options: EditOptions) -> None:
    if (
        options.text is not None
        or options.method != "auto"
        or any(getattr(options, name) is not None for name in MAKERS)
    ):
        raise ConfigError("--edits applies saved edits: leave out --text, --method and its files")


def _choose_source(options: EditOptions, photos: Sequence[Path], embedded: bool) -> Source:
    sources: dict[Source, bool] = {
        "photos": bool(photos), "random": options.random > 0, "latents": options.latents is not None
    }  # fmt: skip
    given: list[Source] = [name for name, there in sources.items() if there]
    if len(given) > 1:
        flags = [name if name == "photos" else f"--{name}" for name in given]
        raise ConfigError(f"{flags[0]} and {flags[1]} were both given: edit one or the other")
    if not given and not embedded:
        raise InputError("no face was given: inst edit photo.jpg, or --random 4 for randomly sampled faces")
    return given[0] if given else "example"


def _plan_results(
    options: EditOptions, photos: Sequence[Path], source: Source, method: str, latents: Path | None, claims: Claims
) -> list[Path]:
    """Where the picture of each face goes.

    Raises:
        InputError: something is there already, or a place that does not fit the number of faces.
    """
    name = safe_name(options.text or method if method != "edits" else Path(split_weight(options.edits[0])[0]).stem)[:60]
    match source:
        case "photos":
            return list(plan_outputs(photos, options, name, claims).values())
        case "random":
            return plan_numbered(
                options.random, options, (f"{name}-{options.seed + i}" for i in range(options.random)), claims
            )
        case "example":
            return plan_numbered(1, options, [f"avatar-{name}"], claims)
    assert latents is not None
    count, stem = len(read_codes(latents)[0]), AVATARS if options.latents == AVATARS else safe_name(latents.stem)
    return plan_numbered(count, options, (f"{stem}-{name}-{i}" for i in range(count)), claims)


def _check_extras(options: EditOptions, faces: int, claims: Claims) -> None:
    """Check the names of ``--video`` and ``--save-edit``, and the number of faces in a video.

    Raises:
        InputError: a name that is taken or has another ending.
        ConfigError: too many faces for a video.
    """
    if options.video is not None:
        check_video_path(Path(options.video))
        claims.exact(Path(options.video))
        if faces > MAX_VIDEO_FACES:
            raise ConfigError(f"--video shows at most {MAX_VIDEO_FACES} faces side by side: give fewer")
    if options.save_edit is not None:
        if Path(options.save_edit).suffix != ".safetensors":
            raise InputError(f"--save-edit {options.save_edit}: give a name ending in .safetensors")
        claims.exact(Path(options.save_edit))


def _saved_edit(spec: str) -> tuple[Path, float]:
    file, weight = split_weight(spec)
    path = find_file(file, "edits")
    assert path is not None
    return path, weight


def split_weight(spec: str) -> tuple[str, float]:
    """``file[:weight]``.

    Raises:
        ConfigError: a weight that is not a number from -100 to 100.
    """
    file, colon, weight = spec.rpartition(":")
    if not colon or "/" in weight or "\\" in weight or weight.endswith(".safetensors"):
        return spec, 1.0
    try:
        value = float(weight)
    except ValueError:
        value = float("nan")
    if not abs(value) <= 100:
        raise ConfigError(f"--edits {spec}: the weight {weight} is not accepted: give a number from -100 to 100")
    return file, value

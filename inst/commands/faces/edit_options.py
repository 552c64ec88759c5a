"""The words of ``inst edit``: what is edited, how, and where results go, held together before a network is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from inst.assets import AVATARS
from inst.commands.common.outputs import claim, plan_numbered, plan_outputs, safe_name
from inst.commands.common.record import from_json
from inst.commands.common.video import check_video_path
from inst.commands.faces.options import EditRun
from inst.errors import ConfigError, InputError
from inst.gan.codes import read_codes
from inst.gan.editor import checked_text
from inst.image import read_image_text
from inst.options import filled
from inst.pipelines.faces.embedded import PREPARED, find_file, uses_avatars

Source = Literal["photos", "random", "latents", "example"]
"""Where faces come from; an example is one of the embedded avatars."""
MAX_VIDEO_FACES = 8
_MAKERS = {"directions": "inst directions prepare", "mapper": "inst mapper train", "ffclip": "inst ffclip train"}


def from_image(run: EditRun) -> EditRun:
    """The run with the settings that a picture made before carries; what was given beside them wins.

    Raises:
        InputError: it carries none, or needs a generator or a face that it does not carry.
    """
    if run.from_image is None:
        return run
    text = read_image_text(Path(run.from_image)).get("inst")
    record = None if text is None else from_json(text)
    made = None if record is None else record.settings.get("edit")
    if record is None or not isinstance(made, dict) or not made:
        raise InputError(f"--from-image {run.from_image} carries no settings of inst edit: give a picture it made")
    if uses_avatars(run) and record.model != AVATARS:
        raise InputError(f"--from-image {run.from_image} was made with {record.model}: give that file (--generator)")
    if made.get("source") in ("photos", "latents") and not (run.photos or run.latents or run.random):
        raise InputError(f"no face was given: --from-image {run.from_image} was made from a file, which it is not")
    return filled(run, made | {"random": None} if run.photos or run.latents else made)


def choose_method(run: EditRun) -> str:
    """The method that is meant: the one named, the one whose file is given, else directions for the embedded avatars
    and optimisation for other generators; ``edits`` for saved ones.

    Raises:
        ConfigError: files for several methods, a method without its file, or no text.
        InputError: a file that is not there.
    """
    files = {name: getattr(run, name) for name in _MAKERS}
    given = [name for name, file in files.items() if file is not None]
    for name in ("generator", *given, "statistics", "latents"):
        find_file(getattr(run, name), name)
    if run.edits:
        if run.text is not None or given or run.method != "auto":
            raise ConfigError("--edits makes saved edits: leave out --text, --method and its files")
        return "edits"
    if run.method == "auto" and len(given) > 1:
        raise ConfigError(f"--{given[0]} and --{given[1]} are files of two methods: name one with --method")
    usual = "directions" if uses_avatars(run) and run.clip == AVATARS else "optimize"
    method = run.method if run.method != "auto" else (given[0] if given else usual)
    if method in files and getattr(with_prepared(run, method), method) is None:
        raise ConfigError(f"--method {method} needs its file: --{method} FILE, which {_MAKERS[method]} makes")
    _check_texts(run, method)
    return method


def _check_texts(run: EditRun, method: str) -> None:
    if run.text is None and method != "mapper":
        raise ConfigError('no text was given: --text "a face with glasses"')
    if run.text is not None:
        checked_text(run.text)
    if method == "directions":
        checked_text(run.neutral or "", "neutral")


def with_prepared(run: EditRun, method: str) -> EditRun:
    """The run with the file that its method needs, where that comes with the embedded generator."""
    if method in PREPARED and getattr(run, method) is None and uses_avatars(run):
        return replace(run, **{method: AVATARS})
    return run


def choose_source(run: EditRun, photos: Sequence[Path]) -> Source:
    """Where the faces come from.

    Raises:
        InputError: none was given, and the generator brings none.
        ConfigError: several were.
    """
    sources: dict[Source, bool] = {
        "photos": bool(photos), "random": run.random > 0, "latents": run.latents is not None
    }  # fmt: skip
    given: list[Source] = [name for name, there in sources.items() if there]
    if len(given) > 1:
        flags = [name if name == "photos" else f"--{name}" for name in given]
        raise ConfigError(f"{flags[0]} and {flags[1]} were both given: edit one or the other")
    if not given and not uses_avatars(run):
        raise InputError("no face was given: inst edit photo.jpg, or --random 4 for faces that the generator makes up")
    return given[0] if given else "example"


def plan_results(run: EditRun, photos: Sequence[Path], source: Source, method: str) -> list[Path]:
    """Where the picture of each face goes.

    Raises:
        InputError: something is there already, or a place that does not fit the number of faces.
    """
    made = safe_name(run.text or method if method != "edits" else Path(split_weight(run.edits[0])[0]).stem)[:60]
    match source:
        case "photos":
            return list(plan_outputs(photos, run, made).values())
        case "random":
            return plan_numbered(run.random, run, (f"{made}-{run.seed + i}" for i in range(run.random)))
        case "example":
            return plan_numbered(1, run, [f"avatar-{made}"])
    path = find_file(run.latents, "latents")
    assert path is not None
    count, stem = len(read_codes(path)[0]), AVATARS if run.latents == AVATARS else safe_name(path.stem)
    return plan_numbered(count, run, (f"{stem}-{made}-{i}" for i in range(count)))


def check_extras(run: EditRun, faces: int) -> None:
    """Hold ``--video`` and ``--save-edit`` to their names and to the number of faces.

    Raises:
        InputError: a name that is taken or ends in something else.
        ConfigError: too many faces for a video.
    """
    if run.video is not None:
        check_video_path(claim(Path(run.video), run.overwrite))
        if faces > MAX_VIDEO_FACES:
            raise ConfigError(f"--video shows at most {MAX_VIDEO_FACES} faces side by side: give fewer")
    if run.save_edit is not None:
        if Path(run.save_edit).suffix != ".safetensors":
            raise InputError(f"--save-edit {run.save_edit}: give a name ending in .safetensors")
        claim(Path(run.save_edit), run.overwrite)


def split_weight(spec: str) -> tuple[str, float]:
    """``file[:weight]``.

    Raises:
        ConfigError: a weight that is no number.
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

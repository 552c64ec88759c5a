"""``inst invert`` and ``inst align``: faces of photos as codes, and as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import OUTPUTS, claim, distinct, is_picture_path, report_failures, safe_name
from inst.commands.common.progress import bar, say
from inst.commands.faces.options import AlignRun, InvertRun
from inst.errors import ConfigError, InputError, InstError
from inst.files import write_safetensors
from inst.gan.align import AlignedFace
from inst.gan.invert import InvertSettings
from inst.image import read_image, write_image
from inst.pipelines.faces.embedded import with_defaults
from inst.pipelines.faces.inversion import (
    FoundFace,
    align_faces,
    alignment_of,
    codes_of_faces,
    describe_loss,
    invert_settings,
    landmarks_for,
    read_photo,
    without_clip,
)
from inst.pipelines.faces.session import FaceSession

METADATA = "inst.codes"


def invert_photos(run: InvertRun) -> int:
    """The exit code: 2 when a photo of several could not be used."""
    run = with_defaults(run)
    photos = find_photos(run.photos)
    _some(photos, "inst invert")
    outputs = _plan_codes(photos, run)
    session = FaceSession(run, run.encoder)
    for path in photos[:1] if len(photos) == 1 else ():
        read_image(path, max_megapixels=run.max_megapixels)
    provider = landmarks_for(photos, run)
    settings = invert_settings(run)
    settings = without_clip(settings) if run.clip == "none" else settings
    failures: dict[Path, str] = {}
    with bar(len(photos) * max(1, settings.steps), "inverting") as progress:
        for position, (path, output) in enumerate(zip(photos, outputs, strict=True)):
            try:
                picture = read_photo(path, run)
                found = [face for face, _ in codes_of_faces(session, picture, provider, settings, run, progress.update)]
                _write_codes(output, found, session, settings, preview=run.preview)
                say(f"{output} (found again at {'; '.join(describe_loss(one.loss) for one in found)})")
            except InstError as error:
                if len(photos) == 1:
                    raise
                failures[path] = str(error)
            progress.update(max(1, settings.steps) * (position + 1) - progress.n)
    return report_failures(failures, len(photos))


def _some(photos: Sequence[Path], command: str) -> None:
    if not photos:
        raise InputError(f"no photo was given: {command} photo.jpg")


def _plan_codes(photos: Sequence[Path], run: InvertRun) -> list[Path]:
    if run.output is not None and Path(run.output).suffix == ".safetensors":
        if len(photos) > 1:
            raise InputError(f"--output {run.output} is one file and there are {len(photos)} photos: give a folder")
        return [claim(Path(run.output), run.overwrite)]
    if run.output is not None and Path(run.output).suffix:
        raise InputError(f"--output {run.output}: give a file ending in .safetensors, or a folder")
    folder = OUTPUTS if run.output is None else Path(run.output)
    names = (folder / f"{safe_name(path.stem)}_w.safetensors" for path in photos)
    return list(distinct(names, overwrite=run.overwrite))


def _write_codes(
    output: Path, found: Sequence[FoundFace], session: FaceSession, settings: InvertSettings, *, preview: bool
) -> None:
    """``w_plus`` (faces, k, d) alone, so that other tools read it; what was lost stands in the header."""
    metadata = {
        "generator": session.fingerprint,
        "steps": settings.steps,
        "psnr": [round(float(one.loss.psnr[0]), 2) for one in found],
        "identity": [None if one.loss.identity is None else round(float(one.loss.identity[0]), 4) for one in found],
    }
    w_plus = torch.cat([one.codes for one in found]).float()
    write_safetensors(output, {"w_plus": w_plus}, {METADATA: json.dumps(metadata)})
    if preview:
        with torch.no_grad():
            # without the noise that was found: what the codes alone give, which is what later edits start from
            pictures = [session.generator(one.codes).clamp(-1, 1).cpu() for one in found]
        write_image(output.with_suffix(".png"), torch.cat(pictures, dim=3))


def align_photos(run: AlignRun) -> int:
    """The exit code: 2 when a photo of several could not be used."""
    photos = find_photos(run.photos)
    _some(photos, "inst align")
    single = _single_output(photos, run)
    for path in photos[:1] if len(photos) == 1 else ():
        read_image(path, max_megapixels=run.max_megapixels)
    provider = landmarks_for(photos, run)
    failures: dict[Path, str] = {}
    with bar(len(photos), "aligning", unit="photo") as progress:
        for path in photos:
            try:
                faces = align_faces(read_photo(path, run), provider(path), alignment_of(run.size), run)
                for output, face in zip(_outputs(path, faces, run, single), faces, strict=True):
                    write_image(output, face.image)
                    say(str(output))
            except InstError as error:
                if len(photos) == 1:
                    raise
                failures[path] = str(error)
            progress.update()
    return report_failures(failures, len(photos))


def _single_output(photos: Sequence[Path], run: AlignRun) -> Path | None:
    """The picture that --output names, or nothing where it names a folder."""
    if run.output is None or not is_picture_path(Path(run.output)):
        return None
    if len(photos) > 1:
        raise InputError(f"--output {run.output} is one file and there are {len(photos)} photos: give a folder")
    if run.all:
        raise ConfigError(f"--output {run.output} is one file and --all may find several faces: give a folder")
    return claim(Path(run.output), run.overwrite)


def _outputs(path: Path, faces: Sequence[AlignedFace], run: AlignRun, single: Path | None) -> list[Path]:
    if single is not None:
        return [single]
    folder = OUTPUTS if run.output is None else Path(run.output)
    numbers = [""] if len(faces) == 1 else [f"-{i}" for i in range(len(faces))]
    names = (folder / f"{safe_name(path.stem)}-face{number}.{run.format}" for number in numbers)
    return list(distinct(names, overwrite=run.overwrite))

"""``inst invert``: the latent codes of the faces in photos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from inst.commands.common.claims import Claims
from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import OUTPUTS, report_failures
from inst.commands.common.progress import bar, say
from inst.commands.faces.open import open_session
from inst.commands.faces.options import InvertOptions
from inst.errors import InputError, InstError
from inst.files import write_safetensors
from inst.image import write_image
from inst.names import safe_name
from inst.options import values_of
from inst.pipelines.faces.inversion import InvertedFace, describe_loss, invert_photo, invert_settings
from inst.pipelines.faces.photos import check_landmark_source, open_photo
from inst.pipelines.faces.session import FaceSession
from inst.pipelines.faces.settings import EncodeSettings

METADATA = "inst.codes"


def invert(options: InvertOptions) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        InstError: an option, a photo or a network that cannot be used; a photo of several does not stop the others.
    """
    photos = find_photos(options.photos)
    if not photos:
        raise InputError("no photo was given: inst invert photo.jpg")
    with Claims(photos, overwrite=options.overwrite) as claims:
        return _invert(options, photos, _plan_codes(photos, options, claims))


def _invert(options: InvertOptions, photos: Sequence[Path], outputs: Sequence[Path]) -> int:
    session = open_session(options)
    settings, use_clip = EncodeSettings(**values_of(options, EncodeSettings)), session.files.clip is not None
    # a single photo that cannot be read is an error before anything is loaded
    single = photos if len(photos) == 1 else ()
    opened = {path: open_photo(path, max_megapixels=options.max_megapixels) for path in single}
    embedded = session.files.embedded
    check_landmark_source(settings.landmarks, len(photos), aligned=settings.aligned, embedded=embedded)
    num_steps = invert_settings(settings, session, use_clip=use_clip).steps
    failures: dict[Path, str] = {}
    with bar(len(photos) * max(1, num_steps), "inverting") as progress:
        for number, (path, output) in enumerate(zip(photos, outputs, strict=True), 1):
            try:
                picture = opened.get(path) or open_photo(path, max_megapixels=options.max_megapixels)
                faces: Sequence[InvertedFace] = ()
                for step in invert_photo(session, picture, settings, settings.landmarks, use_clip=use_clip):
                    faces = step.faces
                    progress.update()
                _write_codes(output, faces, session, num_steps)
                if options.preview:
                    _write_preview(output.with_suffix(".png"), faces, session)
                say(f"{output} (reconstruction PSNR {'; '.join(describe_loss(face.loss) for face in faces)})")
            except InstError as error:
                if len(photos) == 1:
                    raise
                failures[path] = str(error)
            progress.update(max(1, num_steps) * number - progress.n)
    return report_failures(failures, len(photos))


def _plan_codes(photos: Sequence[Path], options: InvertOptions, claims: Claims) -> list[Path]:
    if options.output is not None and Path(options.output).suffix == ".safetensors":
        if len(photos) > 1:
            raise InputError(f"--output {options.output} is one file and there are {len(photos)} photos: give a folder")
        return [claims.exact(Path(options.output))]
    if options.output is not None and Path(options.output).suffix:
        raise InputError(f"--output {options.output}: give a file ending in .safetensors, or a folder")
    folder = OUTPUTS if options.output is None else Path(options.output)
    return [claims.free(folder / f"{safe_name(path.stem)}_w.safetensors") for path in photos]


def _write_codes(output: Path, faces: Sequence[InvertedFace], session: FaceSession, num_steps: int) -> None:
    """Write ``w_plus`` (faces, k, d) alone, which other tools can read; the quality of each face is in the header."""
    identities = [None if face.loss.identity is None else round(float(face.loss.identity[0]), 4) for face in faces]
    metadata = {
        "generator": session.fingerprint,
        "steps": num_steps,
        "psnr": [round(float(face.loss.psnr[0]), 2) for face in faces],
        "identity": identities,
    }
    w_plus = torch.cat([face.codes for face in faces]).float()
    write_safetensors(output, {"w_plus": w_plus}, {METADATA: json.dumps(metadata)})


def _write_preview(output: Path, faces: Sequence[InvertedFace], session: FaceSession) -> None:
    """Write the reconstructions side by side, without the optimised noise: later edits start from the codes alone."""
    write_image(output, torch.cat([session.render(face.codes) for face in faces], dim=3))

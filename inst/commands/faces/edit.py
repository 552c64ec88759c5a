"""``inst edit``: photos, randomly sampled faces or stored codes are edited, and their pictures are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from inst.commands.common.claims import Claims
from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import report_failures
from inst.commands.common.progress import bar, say
from inst.commands.faces.edit_job import EditJob, plan_edit, split_weight
from inst.commands.faces.edit_results import EditResults
from inst.commands.faces.open import open_session
from inst.commands.faces.options import EditOptions
from inst.errors import InstError
from inst.gan.edits import check_edit, load_edit
from inst.gan.generator import Noise
from inst.image import Picture
from inst.pipelines.faces.editing import FaceEdit, edit_in_batches
from inst.pipelines.faces.inversion import InvertedFace, describe_loss, edited_faces, invert_photo, invert_settings
from inst.pipelines.faces.photos import check_landmark_source, open_photo, paste_faces
from inst.pipelines.faces.session import FaceSession
from inst.shapes import WPlus

MAX_WAITING_PIXELS = 64 * 10**6
"""Of photos that wait for a batch of faces to be full: phone photos are large, and few fit into memory."""


def edit(options: EditOptions) -> int:
    """Run the command. Everything that can be wrong with its options is found before a network is loaded.

    Returns:
        The exit code.

    Raises:
        InstError: an option, file or text that cannot be used; a photo of several does not stop the others.
    """
    photos = find_photos(options.photos)
    named = (options.latents, options.landmarks, options.from_image, *(split_weight(spec)[0] for spec in options.edits))
    inputs = [*photos, *(Path(file) for file in named if file is not None)]
    with Claims(inputs, overwrite=options.overwrite) as claims:
        return _edit(options, photos, claims)


def _edit(options: EditOptions, photos: Sequence[Path], claims: Claims) -> int:
    session = open_session(options)
    job = plan_edit(options, photos, session.files, claims)
    # a single photo that cannot be read is an error before anything is loaded
    single = job.photos if len(job.photos) == 1 else ()
    opened = {path: open_photo(path, max_megapixels=job.max_megapixels) for path in single}
    aligned, embedded = job.settings.aligned, session.files.embedded
    check_landmark_source(job.settings.landmarks, len(job.photos), aligned=aligned, embedded=embedded)
    prepared = _prepare(session, job)
    results = EditResults(job, session, prepared)
    failures: dict[Path, str] = {}
    if job.source == "photos":
        failures = _edit_photos(results, opened)
    else:
        _edit_codes(results)
    results.finish()
    return report_failures(failures, len(job.photos))


def _prepare(session: FaceSession, job: EditJob) -> FaceEdit:
    if job.method != "edits":
        return session.prepare_edit(job.text, job.settings)
    edits = []
    for path, weight in job.edits:
        saved = load_edit(path)
        check_edit(saved, session.generator, str(path), own=session.fingerprint)
        edits.append(saved.scaled(weight * job.settings.strength))
    return session.saved_edit(edits)


def _at_once(results: EditResults) -> int:
    """Faces edited at once. A video holds the steps of each face, so its faces are edited one by one."""
    return 1 if results.job.video is not None else results.edit.at_once(results.job.settings.batch_size)


def _edit_codes(results: EditResults) -> None:
    """Edit codes that need no inversion, and write their pictures."""
    codes, seeds = _codes(results.session, results.job)
    outputs, size, steps = results.job.outputs, _at_once(results), results.edit.num_steps
    with bar(len(codes) * steps, "editing") as progress:
        for start in range(0, len(codes), size):
            part = slice(start, start + size)
            images = _edit_faces(results, [(code, "fixed") for code in codes[part]], progress)
            for image, seed, output in zip(images, seeds[part], outputs[part], strict=True):
                if isinstance(image, InstError):
                    raise image
                results.write(output, image, seed)
                say(str(output))
            progress.update(steps * min(start + size, len(codes)) - progress.n)


def _codes(session: FaceSession, job: EditJob) -> tuple[list[WPlus], list[int]]:
    """Codes (1, k, d) to edit, and the seed of each."""
    if job.source == "random":
        codes = session.sample(job.seed, job.random, job.truncation)
        return list(codes.split(1)), [job.seed + i for i in range(job.random)]
    assert job.latents is not None
    rows = list(session.load_latents(job.latents).split(1))
    if job.source == "example":
        return [rows[job.seed % len(rows)]], [job.seed]
    # the seed of an embedded avatar is its number, by which it is edited again alone
    return rows, list(range(len(rows))) if job.embedded_latents else [job.seed] * len(rows)


def _edit_faces(results: EditResults, faces: Sequence[tuple[WPlus, Noise]], progress: tqdm) -> list[Tensor | InstError]:
    """The edited picture of each face, or why there is none."""
    images: list[Tensor | InstError] = []
    for step in edit_in_batches(results.edit, faces, _at_once(results)):
        images += step.finished
        if step.batch is not None:
            results.keep(step.batch)
        progress.update()
    return images


@dataclass(frozen=True)
class _InvertedPhoto:
    """A photo that waits for its faces to be edited."""

    picture: Picture
    output: Path
    faces: Sequence[InvertedFace]


def _edit_photos(results: EditResults, opened: Mapping[Path, Picture]) -> dict[Path, str]:
    """Edit and write all photos.

    Args:
        opened: photos that were read already.

    Returns:
        The photos that could not be used, with the reason.

    Raises:
        InstError: the only photo could not be used.
    """
    job, session = results.job, results.session
    steps = max(1, invert_settings(job.settings, session, use_clip=False).steps) + results.edit.num_steps
    failures: dict[Path, InstError] = {}
    waiting: list[_InvertedPhoto] = []
    with bar(len(job.photos) * steps, "editing") as progress:
        for number, (path, output) in enumerate(zip(job.photos, job.outputs, strict=True), 1):
            try:
                picture = opened.get(path) or open_photo(path, max_megapixels=job.max_megapixels)
                waiting.append(_InvertedPhoto(picture, output, _invert(results, picture, progress)))
            except InstError as error:
                failures[path] = error
            if _enough(results, waiting) or number == len(job.photos):
                failures |= _finish_photos(results, waiting, progress)
                waiting = []
                progress.update(steps * number - progress.n)
            if len(job.photos) == 1 and path in failures:
                raise failures[path]
    return {path: str(error) for path, error in failures.items()}


def _invert(results: EditResults, picture: Picture, progress: tqdm) -> Sequence[InvertedFace]:
    faces: Sequence[InvertedFace] = ()
    settings = results.job.settings
    for step in invert_photo(results.session, picture, settings, settings.landmarks, use_clip=results.edit.uses_clip):
        faces = step.faces
        progress.update()
    return faces


def _enough(results: EditResults, waiting: Sequence[_InvertedPhoto]) -> bool:
    """Whether the faces of the waiting photos fill a batch, or the photos much of the memory."""
    pixels = sum(photo.picture.image[0, 0].numel() for photo in waiting)
    return sum(len(photo.faces) for photo in waiting) >= _at_once(results) or pixels >= MAX_WAITING_PIXELS


def _finish_photos(results: EditResults, waiting: Sequence[_InvertedPhoto], progress: tqdm) -> dict[Path, InstError]:
    """Edit the faces of the waiting photos, paste them back and write the photos; returns those that failed."""
    faces: list[tuple[WPlus, Noise]] = [(face.codes, face.noise) for photo in waiting for face in photo.faces]
    images, failures, job = iter(_edit_faces(results, faces, progress)), {}, results.job
    for photo in waiting:
        own = [next(images) for _ in photo.faces]
        try:
            result = paste_faces(photo.picture.image, edited_faces(own, photo.faces), job.settings.feather)
            results.write(photo.output, result, job.seed, photo.picture)
        except InstError as error:
            failures[photo.picture.path] = error
            continue
        say(f"{photo.output} (reconstruction PSNR {'; '.join(describe_loss(face.loss) for face in photo.faces)})")
    return failures

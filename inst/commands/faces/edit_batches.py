"""Faces of several photos edited and drawn at once, by the methods that make an edit in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from tqdm import tqdm

from inst.commands.common.progress import say
from inst.commands.faces.options import EditRun
from inst.errors import InstError
from inst.gan.align import Quad
from inst.gan.generator import Noise
from inst.gan.invert import InvertSettings
from inst.gan.paste import paste_back
from inst.image import Picture
from inst.pipelines.faces.inversion import FoundFace, codes_of_faces, describe_loss, read_photo
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image, WPlus

ONE_STEP = ("directions", "mapper", "ffclip")
MOST_PIXELS = 64 * 10**6
"""Of photos that wait for their faces: those of a phone are few to a batch."""
Tick = Callable[[], object]


@runtime_checkable
class Work(Protocol):
    """How a face is edited and a picture written: `inst.commands.faces.edit_work.EditWork`."""

    session: FaceSession
    run: EditRun
    method: str
    invert: InvertSettings

    @property
    def ticks(self) -> int: ...
    def edit_codes(self, w_plus: WPlus, noise: Noise, tick: Tick) -> Image: ...
    def write(self, output: Path, image: Image, seed: int, photo: Picture | None = None) -> None: ...


@dataclass(frozen=True)
class PhotoFaces:
    """A photo whose faces were found in the generator's space.

    Attributes:
        faces: each with its place in the photo; ``None`` where the photo is the face.
    """

    picture: Picture
    output: Path
    faces: Sequence[tuple[FoundFace, Quad | None]]


def faces_at_once(work: Work) -> int:
    """A film holds the steps of every face, so that its faces are made one by one."""
    return work.run.batch_size if work.method in ONE_STEP and work.run.video is None else 1


def edit_photos(
    work: Work,
    photos: Sequence[Path],
    outputs: Sequence[Path],
    opened: Mapping[Path, Picture],
    provider: Callable[[Path], Any],
    progress: tqdm,
) -> dict[Path, str]:
    """Edit and write all photos; those that could not be used come back with the reason.

    Raises:
        InstError: the only photo could not be used.
    """
    failures: dict[Path, InstError] = {}
    waiting: list[PhotoFaces] = []
    for position, (path, output) in enumerate(zip(photos, outputs, strict=True)):
        try:
            picture = opened.get(path) or read_photo(path, work.run)
            faces = codes_of_faces(work.session, picture, provider, work.invert, work.run, progress.update)
            waiting.append(PhotoFaces(picture, output, faces))
        except InstError as error:
            failures[path] = error
        if _enough(work, waiting) or position == len(photos) - 1:
            failures |= _finish(work, waiting, progress.update)
            waiting = []
            progress.update(work.ticks * (position + 1) - progress.n)
        if len(photos) == 1 and path in failures:
            raise failures[path]
    return {path: str(error) for path, error in failures.items()}


def edit_stored(
    work: Work, codes: Sequence[WPlus], seeds: Sequence[int], outputs: Sequence[Path], progress: tqdm
) -> None:
    """Edit codes (1, k, d) that need no finding, and write their pictures.

    Raises:
        InstError: one could not be edited.
    """
    size = faces_at_once(work)
    for start in range(0, len(codes), size):
        part = slice(start, start + size)
        images = edit_together(work, [(code, "fixed") for code in codes[part]], progress.update)
        for image, seed, output in zip(images, seeds[part], outputs[part], strict=True):
            if isinstance(image, InstError):
                raise image
            work.write(output, image, seed)
            say(str(output))
        progress.update(work.ticks * min(start + size, len(codes)) - progress.n)


def edit_together(work: Work, faces: Sequence[tuple[WPlus, Noise]], tick: Tick) -> list[Image | InstError]:
    """The edited picture of each face, or why there is none: a face that fails takes no other along."""
    size, made = faces_at_once(work), []
    for start in range(0, len(faces), size):
        part = faces[start : start + size]
        codes = torch.cat([code for code, _ in part])
        try:
            made += work.edit_codes(codes, _joined([noise for _, noise in part]), tick).split(1)
        except (InstError, torch.OutOfMemoryError) as error:
            if len(part) == 1 and not isinstance(error, InstError):
                raise
            made += [error] if len(part) == 1 else [_alone(work, *face, tick) for face in part]
    return made


def _alone(work: Work, codes: WPlus, noise: Noise, tick: Tick) -> Image | InstError:
    try:
        return work.edit_codes(codes, noise, tick)
    except InstError as error:
        return error


def _joined(noises: Sequence[Any]) -> Noise:
    """`Noise` of several faces, found in one way: the generator's own, or the maps of each."""
    maps = [noise for noise in noises if not isinstance(noise, str)]
    if len(maps) != len(noises):
        return noises[0]
    return [torch.cat(layers) for layers in zip(*maps, strict=True)] if len(maps) > 1 else maps[0]


def _enough(work: Work, waiting: Sequence[PhotoFaces]) -> bool:
    pixels = sum(photo.picture.image[0, 0].numel() for photo in waiting)
    return sum(len(photo.faces) for photo in waiting) >= faces_at_once(work) or pixels >= MOST_PIXELS


def _finish(work: Work, waiting: Sequence[PhotoFaces], tick: Tick) -> dict[Path, InstError]:
    """Edit the faces that wait, put them back and write the photos; those that failed come back."""
    faces: list[tuple[WPlus, Noise]] = [(face.codes, face.noise) for photo in waiting for face, _ in photo.faces]
    images, failures = iter(edit_together(work, faces, tick)), {}
    for photo in waiting:
        result = photo.picture.image
        try:
            for image, (_, quad) in [(next(images), face) for face in photo.faces]:
                if isinstance(image, InstError):
                    raise image
                result = image if quad is None else paste_back(result, image, quad, feather=work.run.feather)
            work.write(photo.output, result, work.run.seed, photo.picture)
        except InstError as error:
            failures[photo.picture.path] = error
            continue
        say(f"{photo.output} (found again at {'; '.join(describe_loss(face.loss) for face, _ in photo.faces)})")
    return failures

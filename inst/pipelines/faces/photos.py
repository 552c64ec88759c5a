"""Photos: where their faces are, the aligned crops, and edited faces pasted back."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NoReturn, TypeAlias

import numpy as np
import PIL.Image
from torch import Tensor

from inst.errors import InputError, InstWarning, MissingExtraError
from inst.files.names import is_file, is_folder
from inst.gan.align import AlignedFace, Alignment, Quad, align_face
from inst.gan.landmarks import (
    PROFILE_YAW_RATIO,
    FaceAlignmentDetector,
    LandmarkProvider,
    check_landmarks,
    find_faces,
    read_landmarks,
    yaw_ratio,
)
from inst.gan.paste import paste_back
from inst.image import Picture, PictureInput, as_picture, to_pil
from inst.pipelines.faces.settings import AlignSettings, EncodeSettings, FaceSettings
from inst.shapes import Image

LANDMARK_SUFFIXES = (".npy", ".json", ".txt")
FOR_PHOTOS = "--generator stylegan2-ffhq-config-f.pt --encoder e4e_ffhq_encode.pt"
LandmarkInput: TypeAlias = str | Path | np.ndarray | LandmarkProvider | None
"""A file of landmarks, a folder with one file for each photo, an array (68, 2) or (faces, 68, 2), or a function of the
picture; ``None`` detects them with the package face-alignment."""


def align_faces(
    photo: PictureInput,
    *,
    size: int = AlignSettings.size,
    landmarks: LandmarkInput = None,
    face: int | None = None,
    all: bool = False,
    device: str = "auto",
) -> list[PIL.Image.Image]:
    """Crop faces out of a photo as face models expect them: the FFHQ alignment of Karras et al. 2019, appendix A.

    Args:
        photo: a path, a PIL image, a (1, 3, h, w) tensor in [-1, 1] or a ``uint8`` array.
        size: side of the aligned faces in pixels, 64 to 4096.
        landmarks: 68 points (x, y in pixels) per face, as a file (``.npy``, ``.json``, text) or an array (68, 2) or
            (faces, 68, 2), a folder with a file for each photo, or a function from a picture to such arrays; ``None``
            detects faces with the package face-alignment.
        face: which face, counted from 0, the largest; ``None`` is the largest.
        all: return every face, the largest first.
        device: where faces are detected.

    Returns:
        Square PIL images.

    Raises:
        InputError: the photo or the landmarks cannot be read, or no such face is in the photo.
        ConfigError: a value out of its range.
        MissingExtraError: no landmarks are given and face-alignment is not installed.

    >>> import inst, numpy as np
    >>> from skimage import data
    >>> face = np.zeros((68, 2))  # the alignment depends on the eyes and the corners of the mouth alone
    >>> face[36:42], face[42:48], face[30] = (200, 110), (250, 110), (225, 135)
    >>> face[48], face[54] = (205, 160), (245, 160)
    >>> (picture,) = inst.align_faces(data.astronaut(), size=256, landmarks=face)
    >>> picture.size
    (256, 256)
    """
    settings = AlignSettings(size=size, face=face, all=all)
    picture = open_photo(photo)
    check_landmark_source(landmarks, 1)
    provider = landmark_provider(landmarks, picture.path, device=device)
    return [
        to_pil(aligned.image) for aligned in aligned_faces(picture, provider, alignment_of(settings.size), settings)
    ]


def open_photo(photo: PictureInput, *, max_megapixels: float = 64.0) -> Picture:
    """A photo in any form as a `Picture`; warns of what the user should know about it."""
    picture = as_picture(photo, max_megapixels=max_megapixels)
    for note in picture.notes:
        warnings.warn(f"{picture.path.name}: {note}", InstWarning, stacklevel=3)
    return replace(picture, notes=()) if picture.notes else picture


def check_landmark_source(
    landmarks: LandmarkInput, num_photos: int, *, aligned: bool = False, embedded: bool = False
) -> None:
    """Check, before networks are loaded, that the faces of photos can be found.

    Args:
        aligned: the photos are aligned faces already.
        embedded: the generator is the embedded one, which takes square pictures without landmarks.

    Raises:
        InputError: a file that is not there, or one file for several photos.
        MissingExtraError: no landmarks, and no package that detects them.
    """
    if landmarks is None:
        if num_photos and not aligned and not embedded and not _can_detect():
            raise MissingExtraError("face-alignment", "faces", "finding faces (or give --landmarks, or --aligned)")
    elif isinstance(landmarks, str | Path):
        given = Path(landmarks)
        if not is_file(given) and not is_folder(given):
            raise InputError(f"--landmarks {given} does not exist: give 68 points a face, or a folder of such files")
        if is_file(given) and num_photos > 1:
            raise InputError(
                f"--landmarks {given} is one file and there are {num_photos} photos: give a folder of files"
            )


def landmark_provider(
    landmarks: LandmarkInput, photo: Path, *, device: str = "auto", embedded: bool = False
) -> LandmarkProvider:
    """A function that finds the faces of a photo.

    Args:
        photo: its path, by whose name a file in a folder of landmarks is found.

    Raises:
        InputError: a folder without landmarks of this photo, or an array of another shape.
        MissingExtraError: no landmarks, and no package that detects them.
    """
    if landmarks is None:
        return _no_scenes if embedded and not _can_detect() else _detector(device)
    if isinstance(landmarks, str | Path):
        given = Path(landmarks)
        path = _landmark_file(given, photo) if given.is_dir() else given
        return lambda image: read_landmarks(path)
    if callable(landmarks):
        return landmarks
    points = np.asarray(landmarks)
    faces = [check_landmarks(face) for face in (points[None] if points.ndim == 2 else points)]
    return lambda image: faces


def _can_detect() -> bool:
    return importlib.util.find_spec("face_alignment") is not None


def _no_scenes(image: Image) -> NoReturn:
    raise InputError(
        f"it is {image.shape[3]}x{image.shape[2]} pixels, and the embedded generator draws square avatars alone: give "
        f"such a picture, or the landmarks of an avatar in it (--landmarks); for photographs {FOR_PHOTOS}"
    )


def _landmark_file(folder: Path, photo: Path) -> Path:
    for suffix in LANDMARK_SUFFIXES:
        if (path := folder / f"{photo.stem}{suffix}").is_file():
            return path
    raise InputError(f"{folder} holds no landmarks of {photo.name}: {photo.stem}.npy, .json or .txt is wanted")


@cache
def _detector(device: str) -> LandmarkProvider:
    return FaceAlignmentDetector("cpu" if device in ("auto", "mps") else device)


def is_aligned(picture: Picture, settings: EncodeSettings, *, embedded: bool, landmarks: LandmarkInput = None) -> bool:
    """Whether a picture is taken as one aligned face.

    With the embedded generator every square picture is, unless its faces are asked for: avatars that were saved before
    are square, and face detectors are made for photographs.
    """
    if settings.aligned or not embedded:
        return settings.aligned
    height, width = picture.image.shape[-2:]
    return height == width and landmarks is None and settings.face is None and not settings.all


def aligned_faces(
    picture: Picture, provider: LandmarkProvider, alignment: Alignment, settings: FaceSettings
) -> list[AlignedFace]:
    """The faces of a photo that the settings ask for: the largest, one by its number, or all.

    Raises:
        InputError: no face, or no such face.
    """
    name = picture.path.name
    try:
        faces = find_faces(picture.image, provider, which=settings.face)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    if not settings.all and len(faces) > 1:
        _warn(f"{name}: {len(faces)} faces: the largest is taken (--face N for another, --all for all)")
        faces = faces[:1]
    if profiles := sum(yaw_ratio(face) >= PROFILE_YAW_RATIO for face in faces):
        which = "the face is" if len(faces) == 1 else f"{profiles} of {len(faces)} faces are"
        _warn(f"{name}: {which} in profile: the result may be poor; faces that look at the camera do best")
    return [align_face(picture.image, face, alignment) for face in faces]


def _warn(text: str) -> None:
    warnings.warn(text, InstWarning, stacklevel=4)


def alignment_of(size: int) -> Alignment:
    """The FFHQ alignment at any size: drawn at four times the size, then downscaled."""
    return Alignment(size=size, transform_size=min(4 * size, 4096))


def paste_faces(photo: Image, faces: Sequence[tuple[Tensor, Quad | None]], feather: float) -> Tensor:
    """The photo with edited faces pasted back; outside of their quads no pixel changes.

    Args:
        photo: (1, 3, h, w) in [-1, 1].
        faces: pictures (1, 3, s, s) with their quads; ``None`` where the photo is the face, which then takes its place.
        feather: width of the blended border, as a share of a face's side.
    """
    result: Tensor = photo
    for image, quad in faces:
        result = image if quad is None else paste_back(result, image, quad, feather=feather)
    return result

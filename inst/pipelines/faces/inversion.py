"""Photos to faces: found, aligned, and brought into the generator's space."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NoReturn

import torch

from inst.commands.common.progress import warn
from inst.commands.faces.options import EncodeOptions, FaceOptions
from inst.errors import InputError, MissingExtraError
from inst.gan.align import AlignedFace, Alignment, Quad, align_face
from inst.gan.generator import Noise
from inst.gan.invert import InvertSettings, Loss, invert, measure_loss
from inst.gan.landmarks import (
    PROFILE_YAW_RATIO,
    FaceAlignmentDetector,
    LandmarkProvider,
    find_faces,
    read_landmarks,
    yaw_ratio,
)
from inst.image import Picture, read_image
from inst.pipelines.faces.embedded import uses_avatars
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image, WPlus

LANDMARK_SUFFIXES = (".npy", ".json", ".txt")
FOR_PHOTOS = "--generator stylegan2-ffhq-config-f.pt --encoder e4e_ffhq_encode.pt"
STEPS_ALONE = 200
"""Of optimisation, where no encoder gives a start."""


@dataclass(frozen=True)
class FoundFace:
    """A face in the generator's space.

    Attributes:
        codes: (1, k, d).
        noise: of its pictures.
        image: the aligned face.
        loss: what its picture lost.
    """

    codes: WPlus
    noise: Noise
    image: Image
    loss: Loss


def read_photo(path: Path, options: FaceOptions) -> Picture:
    """A photo; what the user should know about it is told."""
    picture = read_image(path, max_megapixels=options.max_megapixels)
    for note in picture.notes:
        warn(f"{path.name}: {note}")
    return picture


def landmarks_for(photos: Sequence[Path], options: FaceOptions) -> Callable[[Path], LandmarkProvider]:
    """Who says where the faces of a photo are.

    Raises:
        InputError: one file of landmarks for several photos, or none of this name.
        MissingExtraError: no landmarks, and no package that finds them; told before networks are loaded.
    """
    aligned = isinstance(options, EncodeOptions) and options.aligned
    if options.landmarks is None:
        missing = importlib.util.find_spec("face_alignment") is None
        if missing and isinstance(options, EncodeOptions) and uses_avatars(options):
            return lambda photo: _no_scenes
        if missing and photos and not aligned:
            raise MissingExtraError("face-alignment", "faces", "finding faces (or give --landmarks, or --aligned)")
        return lambda photo: _detector(options.device)
    given = Path(options.landmarks)
    if not given.exists():
        raise InputError(f"--landmarks {given} does not exist: give 68 points a face, or a folder of such files")
    if given.is_file() and len(photos) > 1:
        raise InputError(f"--landmarks {given} is one file and there are {len(photos)} photos: give a folder of files")

    def of_file(photo: Path) -> LandmarkProvider:
        path = given if given.is_file() else _landmark_file(given, photo)
        return lambda image: read_landmarks(path)

    return of_file


def is_aligned(picture: Picture, options: EncodeOptions) -> bool:
    """Whether a picture is taken as one face.

    A square picture is, where the embedded generator is in use: avatars that were saved before are square, and finders
    of faces know photographs.
    """
    if options.aligned or not uses_avatars(options):
        return options.aligned
    height, width = picture.image.shape[-2:]
    return height == width and options.landmarks is None and options.face is None and not options.all


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


def align_faces(
    picture: Picture, provider: LandmarkProvider, alignment: Alignment, options: FaceOptions
) -> list[AlignedFace]:
    """The faces of a photo that the options ask for: the largest, one by number, or all.

    Raises:
        InputError: no face, or no such face.
    """
    try:
        faces = find_faces(picture.image, provider, which=options.face)
    except InputError as error:
        raise InputError(f"{picture.path.name}: {error}") from error
    if not options.all and len(faces) > 1:
        warn(f"{picture.path.name}: {len(faces)} faces: the largest is taken (--face N for another, --all for all)")
        faces = faces[:1]
    profiles = sum(yaw_ratio(face) >= PROFILE_YAW_RATIO for face in faces)
    if profiles:
        which = "the face is" if len(faces) == 1 else f"{profiles} of {len(faces)} faces are"
        warn(f"{picture.path.name}: {which} in profile: the result may be poor; faces that look at the camera do best")
    return [align_face(picture.image, face, alignment) for face in faces]


def alignment_of(size: int) -> Alignment:
    """FFHQ's way at any size: drawn at four times the size, then made smaller."""
    return Alignment(size=size, transform_size=min(4 * size, 4096))


def invert_settings(options: EncodeOptions) -> InvertSettings:
    """After an encoder no optimisation unless asked for."""
    steps = options.invert_steps
    if steps is None:
        steps = 0 if options.encoder else STEPS_ALONE
    return InvertSettings(steps=steps)


def find_codes(
    session: FaceSession, face: Image, settings: InvertSettings, tick: Callable[[], object] = lambda: None
) -> FoundFace:
    """An aligned face in the generator's space: by the encoder, then as many steps of optimisation as asked for.

    Args:
        tick: called after each step.

    Raises:
        InputError: the encoder knows how well it finds what its generator draws, and this is no such picture.
    """
    face = face.to(session.placement.device)
    generator, encoder = session.generator, session.encoder
    start = None if encoder is None else encoder.encode_face(face)
    codes = generator.to_w_plus(generator.latent_avg[None] if start is None else start)
    if encoder is not None and encoder.least_psnr is not None:
        _check_domain(session, face, codes, encoder.least_psnr)
    noise: Noise = "fixed"
    if settings.steps:
        clip = session.view if settings.clip_weight else None
        for step in invert(face, start, generator, settings, clip=clip, arcface=session.identity):
            codes, noise = step.w_plus, step.noise
            tick()
    with torch.no_grad():
        loss = measure_loss(face, generator(codes, noise), session.identity)
    return FoundFace(codes, noise, face, loss)


@torch.no_grad()
def _check_domain(session: FaceSession, face: Image, codes: WPlus, least: float) -> None:
    psnr = float(measure_loss(face, session.generator(codes)).psnr[0])
    if psnr < least:
        raise InputError(
            f"the generator {session.generator_name} cannot show this picture: found again at {psnr:.1f} dB, where 99 "
            f"of 100 of its own kind reach {least:.1f}; give files for such pictures, for photographs {FOR_PHOTOS}"
        )


def codes_of_faces(
    session: FaceSession,
    picture: Picture,
    provider: Callable[[Path], LandmarkProvider],
    settings: InvertSettings,
    options: EncodeOptions,
    tick: Callable[[], object],
) -> list[tuple[FoundFace, Quad | None]]:
    """The faces of a photo in the generator's space, each with its place; ``None`` where the photo is the face.

    Raises:
        InputError: no face, or one that the generator cannot show.
    """
    if is_aligned(picture, options):
        return [(find_codes(session, picture.image, settings, tick), None)]
    side = max(session.generator.config.resolution, 256)
    faces = align_faces(picture, provider(picture.path), alignment_of(side), options)
    return [(find_codes(session, face.image, settings, tick), face.quad) for face in faces]


def without_clip(settings: InvertSettings) -> InvertSettings:
    """For runs that need no CLIP otherwise: pixels and identity alone."""
    return replace(settings, clip_weight=0.0)


def describe_loss(loss: Loss) -> str:
    """A reconstruction's loss in words."""
    identity = "" if loss.identity is None else f", identity distance {float(loss.identity[0]):.3f}"
    return f"{float(loss.psnr[0]):.1f} dB{identity}"

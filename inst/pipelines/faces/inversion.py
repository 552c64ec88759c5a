"""GAN inversion of photos: the latent codes of their faces, by an encoder and by optimisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import PIL.Image
import torch
from torch import Tensor

from inst.errors import InputError, InstError
from inst.gan.align import Quad
from inst.gan.generator import Noise
from inst.gan.invert import InvertStep, Loss, invert, measure_loss
from inst.gan.settings import InvertSettings
from inst.image import Picture, to_pil
from inst.pipelines.faces.networks import FaceNetworks
from inst.pipelines.faces.photos import (
    FOR_PHOTOS,
    LandmarkInput,
    aligned_faces,
    alignment_of,
    is_aligned,
    landmark_provider,
)
from inst.pipelines.faces.settings import EncodeSettings
from inst.shapes import Image, WPlus


@dataclass(frozen=True)
class InvertedFace:
    """A face of a photo in the generator's latent space.

    Attributes:
        codes: W+ (1, k, d).
        noise: of its reconstruction: ``fixed``, or the optimised noise maps.
        image: the aligned face, of which the codes are a reconstruction.
        loss: PSNR (dB) and identity distance of the reconstruction.
        quad: its corners (4, 2) in the photo, x and y in pixels; ``None`` where the photo is the aligned face.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> (avatar,) = faces.synthesize(faces.sample(seed=7))
    >>> (face,) = faces.invert(avatar)
    >>> edited = faces.edit(face.codes, "a face with glasses")
    """

    codes: WPlus
    noise: Noise
    image: PIL.Image.Image
    loss: Loss
    quad: Quad | None = None


@dataclass(frozen=True)
class InversionStep:
    """One step of the inversion of a photo's faces.

    Attributes:
        step: steps done so far, from 1, over all faces of the photo.
        total: of how many.
        faces: the result, with the last step.
    """

    step: int
    total: int
    faces: tuple[InvertedFace, ...] = ()


def invert_settings(settings: EncodeSettings, networks: FaceNetworks, *, use_clip: bool) -> InvertSettings:
    """Settings of the optimisation. With an encoder there is none unless steps are asked for.

    Args:
        use_clip: whether the loss compares CLIP embeddings too.
    """
    steps = settings.invert_steps
    if steps is None:
        steps = 0 if networks.files.encoder else InvertSettings.steps
    return InvertSettings(steps=steps, clip_weight=InvertSettings.clip_weight if use_clip else 0.0)


def invert_photo(
    networks: FaceNetworks,
    photo: Picture,
    settings: EncodeSettings,
    landmarks: LandmarkInput = None,
    *,
    use_clip: bool = False,
) -> Iterator[InversionStep]:
    """Invert the faces of a photo that the settings ask for, one after another.

    Raises:
        InputError: no such face, or one that the generator cannot show.
    """
    optimisation = invert_settings(settings, networks, use_clip=use_clip)
    faces = _faces_in(networks, photo, settings, landmarks)
    steps, found = max(1, optimisation.steps), []
    for number, (image, quad) in enumerate(faces):
        image = image.to(networks.placement.device)
        start, codes = _start(networks, image)
        noise: Noise = "fixed"
        for index, update in enumerate(_optimise(networks, image, start, optimisation), 1):
            codes, noise = update.w_plus, update.noise
            if index < steps:
                yield InversionStep(number * steps + index, len(faces) * steps)
        with torch.no_grad():
            loss = measure_loss(image, networks.generator(codes, noise), networks.identity)
        found.append(InvertedFace(codes, noise, to_pil(image), loss, quad))
        result = tuple(found) if len(found) == len(faces) else ()
        yield InversionStep(len(found) * steps, len(faces) * steps, result)


def _faces_in(
    networks: FaceNetworks, photo: Picture, settings: EncodeSettings, landmarks: LandmarkInput
) -> list[tuple[Image, Quad | None]]:
    """The aligned faces of a photo, each with its place in it."""
    embedded = networks.files.embedded
    if is_aligned(photo, settings, embedded=embedded, landmarks=landmarks):
        return [(photo.image, None)]
    provider = landmark_provider(landmarks, photo.path, device=networks.device, embedded=embedded)
    alignment = alignment_of(max(networks.generator.config.resolution, 256))
    return [(face.image, face.quad) for face in aligned_faces(photo, provider, alignment, settings)]


def _start(networks: FaceNetworks, face: Image) -> tuple[WPlus | None, WPlus]:
    """The encoder's codes, ``None`` without one; and the codes that are the result where no step is taken.

    Raises:
        InputError: the encoder records the PSNR that its generator's own pictures reach, and this one's is lower.
    """
    generator, encoder = networks.generator, networks.encoder
    if encoder is None:
        return None, generator.to_w_plus(generator.latent_avg[None])
    codes = generator.to_w_plus(encoder.encode_face(face))
    if encoder.least_psnr is not None:
        _check_domain(networks, face, codes, encoder.least_psnr)
    return codes, codes


def _optimise(
    networks: FaceNetworks, face: Image, start: WPlus | None, settings: InvertSettings
) -> Iterator[InvertStep]:
    if not settings.steps:
        return iter(())
    clip = networks.view if settings.clip_weight else None
    return invert(face, start, networks.generator, settings, clip=clip, arcface=networks.identity)


@torch.no_grad()
def _check_domain(networks: FaceNetworks, face: Image, codes: WPlus, least: float) -> None:
    psnr = float(measure_loss(face, networks.generator(codes)).psnr[0])
    if psnr < least:
        raise InputError(
            f"the generator {networks.generator_name} cannot show this picture: the reconstruction PSNR is {psnr:.1f} "
            f"dB, and 99 of 100 pictures of its kind reach {least:.1f}; give files for such pictures, for photographs "
            f"{FOR_PHOTOS}"
        )


def edited_faces(
    images: Sequence[Tensor | InstError], faces: Sequence[InvertedFace]
) -> list[tuple[Tensor, Quad | None]]:
    """The edited pictures of a photo's faces, each with its place in the photo.

    Args:
        images: of each face, or why it could not be edited.

    Raises:
        InstError: one could not be edited.
    """
    pairs = []
    for image, face in zip(images, faces, strict=True):
        if isinstance(image, InstError):
            raise image
        pairs.append((image, face.quad))
    return pairs


def describe_loss(loss: Loss) -> str:
    """The quality of a reconstruction as text, such as ``21.3 dB, identity distance 0.120``."""
    identity = "" if loss.identity is None else f", identity distance {float(loss.identity[0]):.3f}"
    return f"{float(loss.psnr[0]):.1f} dB{identity}"

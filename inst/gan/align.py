"""Face alignment: the crop that face models are trained on, with eyes and mouth at fixed positions.

The alignment of FFHQ (Karras et al. 2019, "A Style-Based Generator Architecture", appendix A) in two variants: FFHQ's
own, which resamples at 4096 px and then downsamples, and encoder4editing's, which resamples at the output size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import PIL.Image
from jaxtyping import Float
from skimage.filters import gaussian

from inst.gan.landmarks import Landmarks, check_landmarks
from inst.image import from_pil, to_pil
from inst.shapes import Image

Quad = Float[np.ndarray, "4 2"]
"""Corners of the crop in image coordinates (x, y): upper left, lower left, lower right, upper right.

Pixel centres lie at integer coordinates.
"""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Output size of the alignment.

    Attributes:
        size: side of the aligned image, in pixels.
        transform_size: side at which the crop is resampled before it is downsampled to ``size``, in pixels.
    """

    size: int
    transform_size: int


E4E = Alignment(size=256, transform_size=256)
FFHQ = Alignment(size=1024, transform_size=4096)


@dataclass(frozen=True)
class AlignedFace:
    """An aligned face and its position in the photo.

    Attributes:
        image: (1, 3, size, size) in [-1, 1].
        quad: corners of the crop in the original image, for `inst.gan.paste.paste_back`.
    """

    image: Image
    quad: Quad


def align_face(image: Image, landmarks: Landmarks, alignment: Alignment = E4E) -> AlignedFace:
    """Crops, rotates and scales one face (Karras et al. 2019, appendix A).

    Where the crop extends beyond the image, the image is continued by reflection and blurred.

    Args:
        image: (1, 3, h, w) in [-1, 1].
        landmarks: the 68 points of the face, in pixels.
        alignment: output size and resampling size.

    Raises:
        InputError: the landmarks do not describe a face (see `inst.gan.landmarks.check_landmarks`).
    """
    face_corners = face_quad(check_landmarks(landmarks))
    picture, quad = _shrink(to_pil(image), face_corners, alignment.size)
    picture, quad = _crop(picture, quad)
    picture, quad = _pad(picture, quad)
    side = (alignment.transform_size, alignment.transform_size)
    corners = tuple((quad + 0.5).flatten().tolist())
    face = picture.transform(side, PIL.Image.Transform.QUAD, corners, PIL.Image.Resampling.BILINEAR)
    if alignment.size < alignment.transform_size:
        face = face.resize((alignment.size, alignment.size), PIL.Image.Resampling.LANCZOS)
    return AlignedFace(from_pil(face), face_corners)


def face_quad(landmarks: Landmarks) -> Quad:
    """The square around a face, rotated with the line between the eyes (Karras et al. 2019, appendix A).

    Its side is the larger of 4 times the distance between the eyes and 3.6 times the distance from eyes to mouth.
    """
    left, right = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    eyes, mouth = (left + right) / 2, (landmarks[48] + landmarks[54]) / 2
    eye_to_eye, eye_to_mouth = right - left, mouth - eyes
    x = eye_to_eye - _rotate_90(eye_to_mouth)
    x *= max(2 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth)) / np.hypot(*x)
    y = _rotate_90(x)
    centre = eyes + 0.1 * eye_to_mouth
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def _rotate_90(vector: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"]:
    """Rotated by 90°, clockwise in image coordinates (y points down)."""
    return np.array([-vector[1], vector[0]])


def _side(quad: Quad) -> float:
    return float(np.hypot(*(quad[3] - quad[0])))


def _shrink(picture: PIL.Image.Image, quad: Quad, size: int) -> tuple[PIL.Image.Image, Quad]:
    """Downsamples faces of at least 4 times the output size by an integer factor: bilinear sampling would alias."""
    factor = int(_side(quad) / size * 0.5)
    if factor <= 1:
        return picture, quad
    smaller = (round(picture.width / factor), round(picture.height / factor))
    return picture.resize(smaller, PIL.Image.Resampling.LANCZOS), quad / factor


def _bounds(quad: Quad) -> tuple[int, int, int, int]:
    """Bounding box as left, top, right, bottom, rounded outwards to whole pixels."""
    left, top = np.floor(quad.min(0)).astype(int).tolist()
    right, bottom = np.ceil(quad.max(0)).astype(int).tolist()
    return left, top, right, bottom


def _border(quad: Quad) -> int:
    return max(round(_side(quad) * 0.1), 3)


def _crop(picture: PIL.Image.Image, quad: Quad) -> tuple[PIL.Image.Image, Quad]:
    """Crops to the bounding box of the quad plus a border; pixels further away do not influence the result."""
    left, top, right, bottom = _bounds(quad)
    border = _border(quad)
    box = (
        max(left - border, 0),
        max(top - border, 0),
        min(right + border, picture.width),
        min(bottom + border, picture.height),
    )
    if box[0] >= box[2] or box[1] >= box[3]:  # the face lies entirely outside the image
        return picture, quad
    return picture.crop(box), quad - box[:2]


def _pad(picture: PIL.Image.Image, quad: Quad) -> tuple[PIL.Image.Image, Quad]:
    """Pads where the quad extends beyond the image: by reflection, blurred and faded to the median colour outwards."""
    left, top, right, bottom = _bounds(quad)
    border = _border(quad)
    missing = np.maximum([-left, -top, right - picture.width, bottom - picture.height], -border) + border
    if missing.max() <= border - 4:
        return picture, quad
    margins = np.maximum(missing, round(_side(quad) * 0.3))
    (left, top, right, bottom) = margins.tolist()
    pixels = np.pad(np.asarray(picture, np.float32), ((top, bottom), (left, right), (0, 0)), mode="reflect")
    mask = _padding_mask(pixels.shape[0], pixels.shape[1], (left, top, right, bottom))
    blurred = gaussian(pixels, _side(quad) * 0.02, mode="reflect", channel_axis=-1, preserve_range=True)
    pixels += (blurred - pixels) * np.clip(3 * mask + 1, 0, 1)
    pixels += (np.median(pixels, axis=(0, 1)) - pixels) * np.clip(mask, 0, 1)
    padded = PIL.Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    return padded, quad + margins[:2]


def _padding_mask(height: int, width: int, margins: tuple[int, int, int, int]) -> Float[np.ndarray, "h w 1"]:
    """1 at the border of the padded image, 0 at the border of the original image, negative inside it."""
    left, top, right, bottom = margins
    y, x = np.ogrid[:height, :width]
    across = 1 - np.minimum(np.float32(x) / left, np.float32(width - 1 - x) / right)
    down = 1 - np.minimum(np.float32(y) / top, np.float32(height - 1 - y) / bottom)
    return np.maximum(across, down)[..., None].astype(np.float32)

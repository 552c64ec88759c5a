"""The 68 facial landmarks that alignment needs, from a detector, a file or the caller.

Points are (x, y) in pixels with the centre of the first pixel at (0, 0), in the order of iBUG 300-W (eyes 36–47, mouth
from 48).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from inst.errors import InputError, MissingExtraError
from inst.files import read_array, read_json, sniff
from inst.files.faults import explain_os_errors, refuse_larger
from inst.image import to_pil
from inst.shapes import Image

Landmarks = Float[np.ndarray, "68 2"]
"""The 68 points of one face as x, y in pixels."""
PROFILE_YAW_RATIO = 0.8
"""`yaw_ratio` from which a face counts as a profile: the nose is almost below one eye.

That is a yaw of 35° to 45°, depending on how far the nose protrudes.
"""
_MAX_BYTES = 16 * 2**20


@runtime_checkable
class LandmarkProvider(Protocol):
    """A face detector: maps an image (1, 3, h, w) in [-1, 1] to the landmarks of each face, in any order."""

    def __call__(self, image: Image) -> list[Landmarks]: ...


def find_faces(image: Image, provider: LandmarkProvider, *, which: int | None = None) -> list[Landmarks]:
    """The landmarks of the faces in an image, sorted by decreasing size.

    Args:
        image: (1, 3, h, w) in [-1, 1].
        provider: the detector.
        which: index of the only face to return, counted from 0; ``None`` returns all.

    Raises:
        InputError: no face was found, or no face with this index.
    """
    faces = sorted((check_landmarks(face) for face in provider(image)), key=_extent, reverse=True)
    if not faces:
        raise InputError(
            "no face was found in the picture: give one with a face that looks at the camera, or its landmarks"
        )
    if which is None:
        return faces
    if not 0 <= which < len(faces):
        raise InputError(f"face {which} was asked for, but {len(faces)} found: choose 0 to {len(faces) - 1}")
    return [faces[which]]


def check_landmarks(points: object, source: str = "the landmarks") -> Landmarks:
    """Validates the landmarks of one face and converts them to float64.

    Args:
        points: anything that NumPy converts to an array of shape (68, 2).
        source: what the error message calls them.

    Raises:
        InputError: they are not 68 points of x and y, are not finite, or all points of the eyes coincide.
    """
    try:
        face = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source} are not numbers: 68 points of x and y are needed") from error
    if face.shape != (68, 2):
        raise InputError(f"{source} have the shape {face.shape}: 68 points of x and y are needed, (68, 2)")
    if not np.isfinite(face).all() or np.ptp(face[36:48], axis=0).max() < 1:
        raise InputError(f"{source} show no face: they contain NaN or Inf, or both eyes are at the same point")
    return face


def yaw_ratio(face: Landmarks) -> float:
    """How far a head is turned to the side, as the asymmetry of the nose between the eyes.

    The difference between the distances from the tip of the nose to the left and to the right eye, divided by the
    distance between the eyes. Distances are measured along the line between the eyes, so in-plane rotation (roll) has
    no effect. 0 is frontal, at 1 the nose is below one eye, and it is larger beyond that. It is proportional to the
    tangent of the yaw angle.
    """
    left, right = face[36:42].mean(0), face[42:48].mean(0)
    across = right - left
    to_left, to_right = (face[30] - left) @ across, (right - face[30]) @ across
    return float(abs(to_left - to_right) / max(across @ across, 1e-9))


def _extent(face: Landmarks) -> float:
    return float(np.ptp(face, axis=0).max())


def read_landmarks(path: Path) -> list[Landmarks]:
    """Reads the landmarks of one or several faces from a file.

    The file is ``.npy`` or JSON with an array (68, 2) or (faces, 68, 2), or text with one x and y per line.

    Raises:
        InputError: the file is missing or unreadable, or does not hold 68 points per face.
    """
    numbers = np.asarray(_read_numbers(path))
    faces = numbers[None] if numbers.ndim == 2 else numbers
    return [check_landmarks(face, f"the landmarks in {path}") for face in faces]


def _read_numbers(path: Path) -> Any:
    if path.suffix.lower() == ".npy" and sniff(path) == "unknown":
        return read_array(path, max_bytes=_MAX_BYTES)
    if path.suffix.lower() == ".json":
        try:
            return np.asarray(read_json(path), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{path} holds no list of points: 68 pairs of x and y per face are needed") from error
    with explain_os_errors(path, "read"):
        refuse_larger(path, _MAX_BYTES)
        words = path.read_text(encoding="utf-8", errors="replace").replace(",", " ").split()
    try:
        return np.array([float(word) for word in words]).reshape(-1, 68, 2)
    except ValueError as error:
        raise InputError(f"{path} is not a list of 68 points with one x and y per line") from error


class FaceAlignmentDetector:
    """Face detection with the package ``face_alignment`` (1adrianb, BSD), which downloads its networks on first use.

    Args:
        device: the device its networks run on.

    Raises:
        MissingExtraError: the package is not installed.
    """

    def __init__(self, device: str = "cpu") -> None:
        try:
            import face_alignment  # type: ignore[import-not-found]
        except ImportError as error:
            raise MissingExtraError("face-alignment", "faces", "finding faces") from error
        points = face_alignment.LandmarksType.TWO_D
        self._detector: Any = face_alignment.FaceAlignment(points, device=device, flip_input=False)

    def __call__(self, image: Image) -> list[Landmarks]:
        found = self._detector.get_landmarks_from_image(np.asarray(to_pil(image)))
        return [check_landmarks(face[:, :2]) for face in found or []]

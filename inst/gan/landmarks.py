"""Where a face is: the 68 points that face alignment starts from, from a detector, a file or the caller.

Points are x, y in pixels, the centre of the first pixel at 0, 0; their order is iBUG's (eyes 36–47, mouth from 48).
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
"""One face's 68 points as x, y in pixels."""
PROFILE = 0.8
"""`turned_aside` from which a face counts as a profile: its nose is nearly under one eye, 35° to 45° by the nose."""
_MAX_BYTES = 16 * 2**20


@runtime_checkable
class LandmarkProvider(Protocol):
    """Anything that finds faces: a picture (1, 3, h, w) in [-1, 1] to the points of each face, in any order."""

    def __call__(self, image: Image) -> list[Landmarks]: ...


def find_faces(image: Image, provider: LandmarkProvider, *, which: int | None = None) -> list[Landmarks]:
    """The faces of a picture, the largest first.

    Args:
        image: (1, 3, h, w) in [-1, 1].
        which: only this one, counted from 0; ``None`` gives all.

    Raises:
        InputError: no face, or fewer than were asked for.
    """
    faces = sorted((checked(face) for face in provider(image)), key=_extent, reverse=True)
    if not faces:
        raise InputError(
            "no face was found in the picture: give one where a face looks at the camera, or its landmarks"
        )
    if which is None:
        return faces
    if not 0 <= which < len(faces):
        raise InputError(f"face {which} was asked for, but {len(faces)} found: choose 0 to {len(faces) - 1}")
    return [faces[which]]


def checked(points: object, source: str = "the landmarks") -> Landmarks:
    """One face's points as float64.

    Raises:
        InputError: not 68 points of x and y, not finite, or all eyes in one place.
    """
    try:
        face = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source} are not numbers: 68 points of x and y are needed") from error
    if face.shape != (68, 2):
        raise InputError(f"{source} have the shape {face.shape}: 68 points of x and y are needed, (68, 2)")
    if not np.isfinite(face).all() or np.ptp(face[36:48], axis=0).max() < 1:
        raise InputError(f"{source} show no face: they hold NaN or Inf, or the eyes lie in one place")
    return face


def turned_aside(face: Landmarks) -> float:
    """How far a face looks to a side: how much nearer the tip of its nose is to one eye than to the other.

    Measured along the line of the eyes, so that a tilted head counts as upright: 0 from the front, 1 with the nose
    under an eye, more where it stands out beyond it. It grows with the tangent of the angle.
    """
    left, right = face[36:42].mean(0), face[42:48].mean(0)
    across = right - left
    to_left, to_right = (face[30] - left) @ across, (right - face[30]) @ across
    return float(abs(to_left - to_right) / max(across @ across, 1e-9))


def _extent(face: Landmarks) -> float:
    return float(np.ptp(face, axis=0).max())


def read_landmarks(path: Path) -> list[Landmarks]:
    """The faces in a file: ``.npy`` or JSON of (68, 2) or (faces, 68, 2), or text with an x and a y a line.

    Raises:
        InputError: missing, unreadable, or not 68 points a face.
    """
    numbers = np.asarray(_read_numbers(path))
    faces = numbers[None] if numbers.ndim == 2 else numbers
    return [checked(face, f"the landmarks in {path}") for face in faces]


def _read_numbers(path: Path) -> Any:
    if path.suffix.lower() == ".npy" and sniff(path) == "unknown":
        return read_array(path, max_bytes=_MAX_BYTES)
    if path.suffix.lower() == ".json":
        try:
            return np.asarray(read_json(path), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{path} holds no list of points: 68 pairs of x and y a face are needed") from error
    with explain_os_errors(path, "read"):
        refuse_larger(path, _MAX_BYTES)
        words = path.read_text(encoding="utf-8", errors="replace").replace(",", " ").split()
    try:
        return np.array([float(word) for word in words]).reshape(-1, 68, 2)
    except ValueError as error:
        raise InputError(f"{path} is not a list of 68 points with an x and a y a line") from error


class FaceAlignmentDetector:
    """Faces by the package ``face_alignment`` (1adrianb, BSD), which fetches its networks on first use.

    Args:
        device: of its networks.

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
        return [checked(face[:, :2]) for face in found or []]

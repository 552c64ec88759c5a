"""A sequence of pictures as a video: GIF with Pillow, MP4 with the optional package av."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from inst.errors import InputError, MissingExtraError
from inst.files import replacing
from inst.image import to_pil
from inst.shapes import Image

FPS = 12
SUFFIXES = (".gif", ".mp4")


def check_video_path(path: Path) -> None:
    """Check the name of a video before anything is computed.

    Raises:
        InputError: an ending other than .gif and .mp4.
        MissingExtraError: .mp4 without the package av.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--video {path} ends in {path.suffix or 'nothing'}: give a name ending in .gif or .mp4")
    if path.suffix.lower() == ".mp4" and importlib.util.find_spec("av") is None:
        raise MissingExtraError("av", "video", f"--video {path.name}")


def write_video(path: Path, frames: Sequence[Image]) -> None:
    """Write frames (1, 3, h, w) in [-1, 1] at 12 a second; the last one is shown for a second, and a GIF repeats."""
    check_video_path(path)
    pictures = [to_pil(frame) for frame in frames]
    with replacing(path) as temporary:
        if path.suffix.lower() == ".gif":
            durations = [1000 // FPS] * (len(pictures) - 1) + [1000]
            first, *rest = pictures
            with temporary.open("wb") as file:
                first.save(file, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)
        else:
            _write_mp4(temporary, [np.asarray(picture) for picture in [*pictures, *pictures[-1:] * FPS]])


def _write_mp4(path: Path, pixels: Sequence[np.ndarray]) -> None:
    import av  # pyright: ignore[reportMissingImports]

    height, width = (length - length % 2 for length in pixels[0].shape[:2])
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for one in pixels:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(one[:height, :width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

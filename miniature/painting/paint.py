"""Draw the paintings in `style_images/`: `python -m miniature.painting.paint --out style_images`.

Each has its own function in `miniature/painting/paintings/`, which draws a scene from shapes and paints it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from miniature.painting.paintings import brushed, chalked, cut, dotted, dyed, knifed, pieced, planes, printed, water
from miniature.painting.shapes import Array, Rng

PICTURES: dict[str, Callable[[Rng], Array]] = {
    "night": brushed.night,
    "fjord": printed.fjord,
    "garden": dotted.garden,
    "harbour": cut.harbour,
    "still-life": brushed.still_life,
    "birches": water.birches,
    "wave": printed.wave,
    "mist": water.mist,
    "window": pieced.window,
    "spirals": pieced.spirals,
    "town": planes.town,
    "sunset": knifed.sunset,
    "orchard": brushed.orchard,
    "owl": cut.owl,
    "guitar": planes.guitar,
    "poppies": chalked.poppies,
    "koi": dyed.koi,
    "mesa": dyed.mesa,
}
"""The index of a picture is its seed, so new pictures are appended."""


def draw(name: str) -> Array:
    """One of the paintings, (512, 512, 3) uint8 RGB."""
    seed = list(PICTURES).index(name)
    return np.round(np.clip(PICTURES[name](np.random.default_rng(seed)), 0, 1) * 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("style_images"))
    parser.add_argument("--only", nargs="*", choices=PICTURES, default=list(PICTURES), help="names (default: all)")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        path = args.out / f"{name}.jpg"
        cv2.imwrite(str(path), draw(name)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        print(f"{path} {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

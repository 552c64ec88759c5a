"""The image grids of the README: `python -m benchmarks.quality.sheets`.

Photos × paintings, strength, patch transport, with and without inversion, prompts. All inputs are in the repository or
in its dependencies: scikit-image's photos, style_images/, the bundled styles.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PIL import Image as PilImage
from skimage import data
from tqdm import tqdm

import inst
from inst.image import as_picture, from_pil, grid, resize, to_pil
from inst.shapes import Image
from miniature.common.example_pictures import STYLE_IMAGES

SIDE = 256
PHOTOS = ("chelsea", "coffee", "rocket")
COLUMNS = 9
PROMPTS = ("a flower in the style of [C]", "a landscape in the style of [C]", "a fish in the style of [C]")
STRENGTHS = (0.2, 0.4, 0.6, 0.8)
TRANSPORTS = (0.0, 0.5, 1.0)


def square(picture: PilImage.Image) -> Image:
    """The central square of a picture at 256 pixels."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return from_pil(
        picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), PilImage.Resampling.LANCZOS)
    )


def save(path: Path, rows: list[list[Image]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    to_pil(grid(rows)).save(path, quality=88)
    print(path)


def stylized(photo: Image, style: str, **settings: Any) -> Image:
    """A photo in a bundled style, with the embedded model's defaults except for ``settings``."""
    *_, last = tqdm(inst.stylize_steps(photo, style, **settings), style, unit="step")
    assert last.tensor is not None
    return last.tensor


def from_text(prompt: str, style: str) -> Image:
    """A picture from a prompt with a bundled style in it."""
    *_, last = tqdm(inst.generate_steps(prompt, style, height=SIDE, width=SIDE), prompt, unit="step")
    assert last.tensor is not None
    return last.tensor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    out: Path = parser.parse_args().out
    photos = [square(PilImage.fromarray(getattr(data, name)())) for name in PHOTOS]
    bundled = inst.list_styles()
    styles = [bundled[i * len(bundled) // COLUMNS] for i in range(min(COLUMNS, len(bundled)))]
    paintings = [resize(as_picture(STYLE_IMAGES / f"{style}.jpg").image, SIDE, SIDE) for style in styles]

    corner = photos[0] * 0 + 1
    rows = [[photo, *(stylized(photo, style) for style in styles)] for photo in photos]
    save(out / "styles.jpg", [[corner, *paintings], *rows])
    cat, cup = photos[:2]
    rows = [[cat, *(stylized(cat, style, strength=strength) for strength in STRENGTHS)] for style in styles[:2]]
    save(out / "strength.jpg", rows)
    rows = [
        [painting, *(stylized(cup, style, transport=transport) for transport in TRANSPORTS)]
        for style, painting in list(zip(styles, paintings, strict=True))[2::3]
    ]
    save(out / "transport.jpg", rows)
    first = styles[0]
    save(
        out / "inversion.jpg",
        [[photo, stylized(photo, first), stylized(photo, first, inversion=False)] for photo in photos],
    )
    save(out / "text.jpg", [[from_text(prompt, style) for prompt in PROMPTS] for style in styles[:3]])


if __name__ == "__main__":
    main()

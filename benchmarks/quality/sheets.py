"""The image grids of the README: `python -m benchmarks.quality.sheets`.

Photos × paintings, strength, patch transport, with and without inversion, prompts. All inputs are in the repository or
in its dependencies: scikit-image's photos, style_images/, the bundled styles.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from inst.commands.diffusion.used_styles import UsedStyle
from inst.pipelines.compose import compose
from PIL import Image as PilImage
from skimage import data

from inst.assets import mini_folder
from inst.commands.common.progress import bar, watch
from inst.commands.diffusion.options import GenerateOptions, ModelOptions, StylizeOptions
from inst.commands.diffusion.stylize import photo_settings
from inst.image import from_pil, grid, read_image, resize, to_pil
from inst.inversion.token import load_token
from inst.pipelines.session import Session
from inst.shapes import Image
from inst.transfer.photo import PhotoSettings, stylize
from inst.transfer.prompts import PLACEHOLDER
from inst.transfer.text_to_image import generate

SIDE = 256
PHOTOS = ("chelsea", "coffee", "rocket")
COLUMNS = 9
PROMPTS = ("a flower in the style of [C]", "a landscape in the style of [C]", "a fish in the style of [C]")


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    out: Path = parser.parse_args().out
    session = Session(ModelOptions())
    run = StylizeOptions()
    settings = photo_settings(session, run)
    photos = [square(PilImage.fromarray(getattr(data, name)())) for name in PHOTOS]
    bundled = sorted((mini_folder() / "styles").glob("*.safetensors"))
    tokens = [load_token(bundled[i * len(bundled) // COLUMNS]) for i in range(min(COLUMNS, len(bundled)))]
    styles = [UsedStyle(token, PLACEHOLDER, 1.0) for token in tokens]
    paintings = [resize(read_image(_painting(used)).image, SIDE, SIDE) for used in styles]

    def stylized(photo: Image, used: UsedStyle, changed: PhotoSettings) -> Image:
        with bar(int(changed.strength * changed.num_steps) + 1, used.token.name) as progress:
            return watch(stylize(session.model, photo, compose(session, [used], run), changed), progress)

    corner = photos[0] * 0 + 1
    rows = [[corner, *paintings]]
    rows += [[photo, *(stylized(photo, used, settings) for used in styles)] for photo in photos]
    save(out / "styles.jpg", rows)
    strengths = (0.2, 0.4, 0.6, 0.8)
    sweep = [
        [photos[0], *(stylized(photos[0], used, replace(settings, strength=s)) for s in strengths)]
        for used in styles[:2]
    ]
    save(out / "strength.jpg", sweep)
    shares = (0.0, 0.5, 1.0)
    transported = [
        [painting, *(stylized(photos[1], used, replace(settings, transport=share)) for share in shares)]
        for used, painting in list(zip(styles, paintings, strict=True))[2::3]
    ]
    save(out / "transport.jpg", transported)
    ablation = [
        [photo, stylized(photo, styles[0], settings), stylized(photo, styles[0], replace(settings, inversion=False))]
        for photo in photos
    ]
    save(out / "inversion.jpg", ablation)
    save(out / "text.jpg", [[_from_text(session, used, prompt) for prompt in PROMPTS] for used in styles[:3]])


def _painting(used: UsedStyle) -> Path:
    return Path("style_images") / f"{used.token.name}.jpg"


def _from_text(session: Session, used: UsedStyle, prompt: str) -> Image:
    defaults = session.model.defaults
    style = compose(session, [used], GenerateOptions(prompt=prompt))
    steps = generate(
        session.model, style, height=SIDE, width=SIDE, batch=1, seed=0, num_steps=defaults.num_steps,
        guidance_scale=defaults.guidance_scale, transport=defaults.transport,
    )  # fmt: skip
    with bar(defaults.num_steps + 1, prompt) as progress:
        return watch(steps, progress)


if __name__ == "__main__":
    main()

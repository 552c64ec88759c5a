"""Step 7: learn every painting in style_images/ with the exported model: `python -m miniature.diffusion.bundle_styles`.

The style tokens are included in the package (`inst/assets/mini/styles/`), so that `stylize.py --content photo.jpg`
works without training. The parameters of the inversion module are left out, since only the token vectors are needed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator
from inst.commands.diffusion.learn import learn
from inst.training.shared import stopping

from inst.assets import FOLDER
from inst.commands.diffusion.options import ModelOptions
from inst.image import list_images, read_image
from inst.inversion.settings import InversionSettings
from inst.inversion.token import load_token, save_token
from inst.pipelines.session import Session

STYLES = FOLDER / "mini" / "styles"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paintings", type=Path, default=Path("style_images"))
    parser.add_argument("--out", type=Path, default=STYLES)
    args = parser.parse_args()

    session = Session(ModelOptions())
    accelerator = Accelerator(cpu=session.placement.device.type == "cpu")
    with stopping() as stop:
        for path in list_images(args.paintings):
            output = args.out / f"{path.stem}.safetensors"
            learned = learn(session, read_image(path), InversionSettings(), output, accelerator=accelerator, stop=stop)
            save_token(output, replace(load_token(output), module={}))
            print(
                f"{path.stem}: loss {learned.validation[0]:.4f} -> {learned.validation[1]:.4f}, {learned.steps} steps"
            )
            if stop.asked:
                break
    (args.out / ".unfinished").rmdir()


if __name__ == "__main__":
    main()

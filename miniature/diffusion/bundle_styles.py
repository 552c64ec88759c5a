"""Step 7: learn every painting in style_images/ with the exported model: `python -m miniature.diffusion.bundle_styles`.

The style tokens are included in the package (`inst/assets/mini/styles/`), so that `stylize.py --content photo.jpg`
works without training. The parameters of the inversion module are left out, since only the token vectors are needed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from inst import learn_style_steps, load_model
from inst.assets import FOLDER
from inst.image import list_images
from inst.training.progress import with_bar
from inst.training.signals import stop_on_signals

STYLES = FOLDER / "mini" / "styles"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paintings", type=Path, default=Path("style_images"))
    parser.add_argument("--out", type=Path, default=STYLES)
    args = parser.parse_args()

    model = load_model()
    with stop_on_signals() as stop:
        for path in list_images(args.paintings):
            steps = learn_style_steps(path, model, name=path.stem, should_stop=lambda: stop.asked)
            last = None
            for last in with_bar(steps, f"learning {path.stem}"):  # noqa: B007  (the last one is used)
                pass
            assert last is not None
            replace(last.style(), module={}).save(args.out / f"{path.stem}.safetensors")
            print(f"{path.stem}: loss {last.history[0][1]:.4f} -> {last.best_loss:.4f}, {last.step} steps")
            if stop.asked:
                break


if __name__ == "__main__":
    main()

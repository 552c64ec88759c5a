"""Does the result carry the painting's manner, and is the photo still there? Measured over pairs, beside controls.

Every number is a distance, lower is nearer. Beside the product's result stand: the same photo by plain img2img with "a
painting" at the same strength and seed, the result without patch transport and the one by it alone, the result without
stochastic inversion, the one by direct textual inversion, a plain colour transfer, the untouched photo, and another
crop of the painting itself.

    python -m benchmarks.quality --pairs 30
    python -m benchmarks.quality --pairs 100 --photos photos/ --paintings paintings/ --output quality.md
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.common.machine import describe_machine
from benchmarks.common.pairs import make_pairs
from benchmarks.common.style_transfer import Stylist
from benchmarks.common.tables import write_results
from benchmarks.quality.measure import Measurer
from benchmarks.quality.tables import report
from inst.commands.diffusion.options import ModelOptions
from inst.image import write_image


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    started = time.perf_counter()
    pairs = make_pairs(arguments.photos, arguments.paintings, arguments.pairs)
    options = ModelOptions(model=arguments.model, device=arguments.device, dtype=arguments.dtype)
    stylist = Stylist(options, arguments.styles, train_steps=arguments.train_steps, num_steps=arguments.num_steps)
    measurer = Measurer(stylist, pairs, direct=arguments.direct)
    rows, sheet = measurer.measure(pairs)
    metadata = {
        "machine": describe_machine(stylist.session.placement.device, torch.get_num_threads()),
        "model": stylist.session.model.name,
        "rows": rows,
        "sweep": measurer.sweep(pairs[: arguments.sweep]),
        "texts": measurer.texts(arguments.texts),
        "seconds": time.perf_counter() - started,
    }
    text = report(metadata)
    print(f"\n{text}")
    write_results(arguments.output, text, metadata)
    write_image(arguments.output.with_suffix(".png"), sheet)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--pairs", type=int, default=30, help="pairs of a photo and a painting; 100 for numbers to quote"
    )
    parser.add_argument("--photos", type=Path, help="folder of photos (default: scikit-image's)")
    parser.add_argument("--paintings", type=Path, help="folder of paintings (default: style_images/)")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--direct", action=argparse.BooleanOptionalAction, default=True, help="textual inversion too")
    parser.add_argument("--sweep", type=int, default=10, help="pairs for the sweep over strengths")
    parser.add_argument("--texts", type=int, default=5, help="paintings for pictures from text")
    parser.add_argument("--train-steps", type=int, help="fewer than the model's own: a rehearsal")
    parser.add_argument("--num-steps", type=int, help="fewer than the model's own: a rehearsal")
    parser.add_argument("--styles", type=Path, default=Path("outputs/quality-styles"), help="where styles are kept")
    parser.add_argument("--output", type=Path, default=Path("outputs/quality.md"), help="also .json and .png beside it")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()

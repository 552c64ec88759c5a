"""How close are results to the style of the painting and to the content of the photo? Measured over pairs.

Every number is a distance, lower is closer. Controls: plain img2img with "a painting" as the prompt at the same
strength and seed, the result without patch transport and the one without the style token, the result without
stochastic inversion, textual inversion, a plain colour transfer, the unchanged photo, and another crop of the painting.

    python -m benchmarks.quality --pairs 30
    python -m benchmarks.quality --pairs 100 --photos photos/ --paintings paintings/ --output quality.md
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

import inst
from benchmarks.common.machine import describe_machine
from benchmarks.common.pairs import make_pairs
from benchmarks.common.style_transfer import StyleTransfer
from benchmarks.common.tables import write_results
from benchmarks.quality.measure import Evaluation
from benchmarks.quality.tables import report
from inst.image import write_image


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    started = time.perf_counter()
    pairs = make_pairs(arguments.photos, arguments.paintings, arguments.pairs)
    session = inst.load_model(arguments.model, device=arguments.device, dtype=arguments.dtype)
    transfer = StyleTransfer(
        session, arguments.styles, train_steps=arguments.train_steps, num_steps=arguments.num_steps
    )
    evaluation = Evaluation(transfer, pairs, direct=arguments.direct)
    rows, sheet = evaluation.measure(pairs)
    metadata = {
        "machine": describe_machine(session.placement.device, torch.get_num_threads()),
        "model": session.name,
        "rows": rows,
        "sweep": evaluation.sweep(pairs[: arguments.sweep]),
        "texts": evaluation.texts(arguments.texts),
        "seconds": time.perf_counter() - started,
    }
    text = report(metadata)
    print(f"\n{text}")
    write_results(arguments.output, text, metadata)
    write_image(arguments.output.with_suffix(".png"), sheet)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--pairs", type=int, default=30, help="number of photo and painting pairs; 100 for published numbers"
    )
    parser.add_argument("--photos", type=Path, help="folder of photos (default: scikit-image's)")
    parser.add_argument("--paintings", type=Path, help="folder of paintings (default: style_images/)")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument(
        "--direct", action=argparse.BooleanOptionalAction, default=True, help="also measure textual inversion"
    )
    parser.add_argument("--sweep", type=int, default=10, help="pairs in the sweep over strengths")
    parser.add_argument("--texts", type=int, default=5, help="paintings used for text to image")
    parser.add_argument("--train-steps", type=int, help="training steps, for a quick trial (default: the model's)")
    parser.add_argument("--num-steps", type=int, help="sampling steps, for a quick trial (default: the model's)")
    parser.add_argument("--styles", type=Path, default=Path("outputs/quality-styles"), help="cache of learned styles")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("outputs/quality.md"),
        help="Markdown file; .json and .png are written beside it",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()

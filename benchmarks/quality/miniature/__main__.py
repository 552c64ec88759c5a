"""Report on the embedded diffusion model, `make miniature-report [DATA=folder]`: every part with its target.

Autoencoder, CLIP, held-out styles learned from one image each, real paintings (with DATA), strength and text to image,
with contact sheets. Seeds are fixed and the settings are the defaults. Without DATA, images from the repository are
used; DATA has `photos/` and `paintings/` in it (if these have a `metadata.csv`, their `val` split is used).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import inst
from benchmarks.common.machine import describe_machine
from benchmarks.common.style_transfer import StyleTransfer
from benchmarks.common.tables import write_results
from benchmarks.quality.miniature import parts
from benchmarks.quality.miniature.images import load_images
from benchmarks.quality.miniature.report import Report
from benchmarks.quality.miniature.tables import report
from inst.errors import InputError


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    started = time.perf_counter()
    try:
        images = load_images(arguments.data)
    except InputError as error:
        print(f"miniature-report: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    session = inst.load_model(arguments.model, device=arguments.device)
    transfer = StyleTransfer(
        session, arguments.styles, train_steps=arguments.train_steps, num_steps=arguments.num_steps
    )
    output = arguments.output or Path(
        "outputs/miniature-report-own.md" if images.custom else "outputs/miniature-report.md"
    )
    model, clip = session.model, session.clip
    metadata: dict[str, Any] = {"model": model.name, "custom": images.custom}
    with tempfile.TemporaryDirectory() as work:
        run = Report(images, transfer, output.with_suffix(""), Path(work))
        metadata["autoencoder"] = parts.autoencoder(model, images)
        metadata["clip"] = parts.clip_accuracy(clip, images, arguments.per_style)
        classifier, accuracy = parts.train_classifier(model, images, arguments.classifier_images)
        metadata["text to image"], pictures = parts.text_to_image(transfer, classifier, arguments.texts)
        metadata["text to image"]["classifier accuracy"] = accuracy
        run.save("text", run.texts(pictures))
        run.save("words", run.words())
        settings = {"count": arguments.pairs, "sweep": arguments.sweep, "direct": arguments.direct}
        paintings = run.held_out_paintings()
        metadata["held-out styles"] = run.styles("held-out", paintings, **settings, references=run.references)
        if images.custom:
            metadata["real paintings"] = run.styles("real-paintings", run.real_paintings(), **settings)
    metadata["machine"] = describe_machine(session.placement.device, torch.get_num_threads())
    metadata["seconds"] = time.perf_counter() - started
    text = report(metadata)
    print(f"\n{text}")
    write_results(output, text, metadata)
    print(f"\n{output}, {output.with_suffix('.json')}, and the sheets in {output.with_suffix('')}/")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, help="folder with photos/ and paintings/ (default: images from the repository)"
    )
    parser.add_argument("--pairs", type=int, default=100, help="number of photo and painting pairs")
    parser.add_argument("--sweep", type=int, default=10, help="pairs in the sweep over strengths")
    parser.add_argument("--per-style", type=int, default=12, help="renderings of each style for the CLIP accuracy")
    parser.add_argument(
        "--classifier-images", type=int, default=24, help="renderings of each style for the style classifier"
    )
    parser.add_argument("--texts", type=int, default=2, help="text-to-image samples for each style")
    parser.add_argument(
        "--direct", action=argparse.BooleanOptionalAction, default=True, help="also measure textual inversion"
    )
    parser.add_argument("--model", default="mini", help="mini, or a model folder")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--train-steps", type=int, help="training steps, for a quick trial (default: the model's)")
    parser.add_argument("--num-steps", type=int, help="sampling steps, for a quick trial (default: the model's)")
    parser.add_argument("--styles", type=Path, default=Path("outputs/quality-styles"), help="cache of learned styles")
    parser.add_argument(
        "--output", type=Path, help="Markdown file (default: outputs/miniature-report.md); .json is written beside it"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()

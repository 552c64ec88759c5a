"""The report on the embedded miniature, `make miniature-report [DATA=folder]`: every part beside what it is to reach.

Autoencoder, CLIP as an eye, styles that training never saw learned from one picture each, with DATA also real
paintings, strength, pictures from text; and sheets to look at. Fixed seeds, the product's defaults. Without a folder it
is made from what a clone holds; a folder has `photos/` and `paintings/` in it (their `val` split where a `metadata.csv`
has one).
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

from benchmarks.common.machine import describe_machine
from benchmarks.common.style_transfer import Stylist
from benchmarks.common.tables import write_results
from benchmarks.quality.miniature import parts
from benchmarks.quality.miniature.renders import gather
from benchmarks.quality.miniature.report import Report
from benchmarks.quality.miniature.tables import report
from inst.commands.diffusion.options import ModelOptions
from inst.errors import InputError


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    started = time.perf_counter()
    try:
        material = gather(arguments.data)
    except InputError as error:
        print(f"miniature-report: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    stylist = Stylist(
        ModelOptions(model=arguments.model, device=arguments.device), arguments.styles,
        train_steps=arguments.train_steps, num_steps=arguments.num_steps,
    )  # fmt: skip
    output = arguments.output or Path(
        "outputs/miniature-report-own.md" if material.own else "outputs/miniature-report.md"
    )
    model, clip = stylist.session.model, stylist.session.clip
    metadata: dict[str, Any] = {"model": model.name, "own": material.own}
    with tempfile.TemporaryDirectory() as work:
        run = Report(material, stylist, output.with_suffix(""), Path(work))
        metadata["autoencoder"] = parts.autoencoder(model, material)
        metadata["eye"] = parts.eye(clip, material, arguments.per_style)
        judge, accuracy = parts.classifier(model, material, arguments.judged)
        metadata["texts"], pictures = parts.texts(stylist, judge, arguments.texts)
        metadata["texts"]["judge"] = accuracy
        run.save("text", run.texts(pictures))
        run.save("words", run.words())
        settings = {"count": arguments.pairs, "sweep": arguments.sweep, "direct": arguments.direct}
        metadata["held styles"] = run.styles("held-styles", run.held(), **settings, known=run.known)
        if material.own:
            metadata["real paintings"] = run.styles("real-paintings", run.real(), **settings)
    metadata["machine"] = describe_machine(stylist.session.placement.device, torch.get_num_threads())
    metadata["seconds"] = time.perf_counter() - started
    text = report(metadata)
    print(f"\n{text}")
    write_results(output, text, metadata)
    print(f"\n{output}, {output.with_suffix('.json')}, and the sheets in {output.with_suffix('')}/")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with photos/ and paintings/ (default: what a clone holds)")
    parser.add_argument("--pairs", type=int, default=100, help="pairs of a photo and a painting")
    parser.add_argument("--sweep", type=int, default=10, help="pairs for the sweep over strengths")
    parser.add_argument("--per-style", type=int, default=12, help="renderings of a style that CLIP is asked about")
    parser.add_argument("--judged", type=int, default=24, help="renderings of a style that the judge learns from")
    parser.add_argument("--texts", type=int, default=2, help="pictures from text for each style")
    parser.add_argument("--direct", action=argparse.BooleanOptionalAction, default=True, help="textual inversion too")
    parser.add_argument("--model", default="mini", help="mini, or the folder of a newer one")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--train-steps", type=int, help="fewer than the model's own: a rehearsal")
    parser.add_argument("--num-steps", type=int, help="fewer than the model's own: a rehearsal")
    parser.add_argument("--styles", type=Path, default=Path("outputs/quality-styles"), help="where styles are kept")
    parser.add_argument("--output", type=Path, help="Markdown (default: outputs/miniature-report.md); .json beside it")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()

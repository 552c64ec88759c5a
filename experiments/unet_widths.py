"""How large a U-Net is worth its time? Short runs at 64 px of several widths, equally long on the clock.

`python -m experiments.unet_widths --state DIR --minutes 5 15` trains each width once for every budget, from nothing,
and prints a table: how often it stepped, how far pictures in manners never trained on are missed under the "[C]" of
another picture, the time of a 256 px step at use, and the file size. The clock counts, so nothing else may run.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from experiments.held_out import SIDE, Manner, Trained, manners, text_side
from miniature.common.training import Budget
from miniature.diffusion.unet import train
from miniature.diffusion.unet.model import CHANNELS, TextSide

SIZES = ((32, 64, 96), CHANNELS, (96, 192, 288))
PICTURE, CALLS = 64, 5
"""Latent pixels a side of a 256 px picture; how often one is looked at, for the quickest."""


def trained(state: Path, channels: tuple[int, ...], minutes: float, text: TextSide) -> tuple[Trained, int]:
    """A width after so long, and how many steps that were."""
    folder = f"unet-{'-'.join(map(str, channels))}-{minutes:g}"
    budget = Budget(minutes=minutes)
    run = train.train(state, budget, device="cpu", channels=channels, side=SIDE, folder=folder)
    return Trained.of(state / folder, text, channels), run.step


def missed(run: Trained, held: list[Manner]) -> float:
    """The mean over the manners, under the word that the module makes of another picture."""
    return float(np.mean([run.missed(manner, run.begin(manner)) for manner in tqdm(held, desc="held-out styles")]))


@torch.no_grad()
def seconds_a_step(run: Trained) -> float:
    """Of one guided denoising step of a 256 px picture, two samples at once: the quickest of a few."""
    noisy, states = torch.randn(2, 4, PICTURE, PICTURE), run.text(["", "a painting"])
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            run.unet(noisy, 500, encoder_hidden_states=states)
        times.append(time.perf_counter() - started)
    return min(times)


def measure(state: Path, budgets: list[float], sizes: tuple[tuple[int, ...], ...] = SIZES) -> list[str]:
    """Train all and lines of a Markdown table, a row for each width."""
    text = text_side(state)
    held = list(manners(state, len(text.tokenizer)))
    columns = [word for minutes in budgets for word in (f"steps in {minutes:g} min", "missed")]
    lines = [
        f"| widths | weights | file, float16 | a step at 256 px | {' | '.join(columns)} |",
        f"| --- | {'---: | ' * (3 + len(columns))}".rstrip(),
    ]
    for channels in sizes:
        runs = [trained(state, channels, minutes, text) for minutes in budgets]
        cells = [cell for run, steps in runs for cell in (f"{steps}", f"{missed(run, held):.4f}")]
        run = runs[-1][0]
        count = sum(p.numel() for p in run.unet.parameters())
        sizes_told = [f"{count / 1e6:.1f} M", f"{2 * count / 1e6:.1f} MB", f"{1000 * seconds_a_step(run):.0f} ms"]
        lines.append(f"| {' | '.join([', '.join(map(str, channels)), *sizes_told, *cells])} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder with drawings, latents and embeddings")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 15.0], help="of each run of a width")
    args = parser.parse_args()
    print("\n".join(measure(args.state, args.minutes)))


if __name__ == "__main__":
    main()

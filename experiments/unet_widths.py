"""Which U-Net width is best for a given training time? Short runs at 64 px with several widths.

`python -m experiments.unet_widths --state DIR --minutes 5 15` trains each width from scratch for each of the given
times and prints a table: number of steps, loss on held-out styles with the "[C]" of another picture, duration of a
sampling step at 256 px, and file size. The runs are limited by time, so nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from experiments.held_out import SIDE, HeldOutStyle, TrainedRun, held_out_styles, load_text_tower
from miniature.common.training import Budget
from miniature.diffusion.unet import train
from miniature.diffusion.unet.model import CHANNELS, TextTower

SIZES = ((32, 64, 96), CHANNELS, (96, 192, 288))
LATENT_SIDE, REPEAT = 64, 5
"""Side of the latents of a 256 px picture; number of timed steps, of which the fastest counts."""


def train_width(state: Path, channels: tuple[int, ...], minutes: float, text: TextTower) -> tuple[TrainedRun, int]:
    """A trained run, and its number of steps."""
    folder = f"unet-{'-'.join(map(str, channels))}-{minutes:g}"
    budget = Budget(minutes=minutes)
    run = train.train(state, budget, device="cpu", channels=channels, side=SIDE, folder=folder)
    return TrainedRun.of(state / folder, text, channels), run.step


def mean_loss(run: TrainedRun, styles: list[HeldOutStyle]) -> float:
    """Mean loss over the styles, with the style token that the module computes from another picture."""
    return float(
        np.mean(
            [run.held_out_loss(style, run.initial_vectors(style)) for style in tqdm(styles, desc="held-out styles")]
        )
    )


@torch.no_grad()
def seconds_per_step(run: TrainedRun) -> float:
    """Duration of one guided denoising step of a 256 px picture (batch size 2); the fastest of a few."""
    noisy, states = torch.randn(2, 4, LATENT_SIDE, LATENT_SIDE), run.text(["", "a painting"])
    times = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            run.unet(noisy, 500, encoder_hidden_states=states)
        times.append(time.perf_counter() - started)
    return min(times)


def measure(state: Path, budgets: list[float], sizes: tuple[tuple[int, ...], ...] = SIZES) -> list[str]:
    """Train all widths; lines of a Markdown table with a row for each."""
    text = load_text_tower(state)
    styles = list(held_out_styles(state, len(text.tokenizer)))
    columns = [title for minutes in budgets for title in (f"steps in {minutes:g} min", "loss")]
    lines = [
        f"| widths | parameters | file, float16 | step at 256 px | {' | '.join(columns)} |",
        f"| --- | {'---: | ' * (3 + len(columns))}".rstrip(),
    ]
    for channels in sizes:
        runs = [train_width(state, channels, minutes, text) for minutes in budgets]
        cells = [cell for run, steps in runs for cell in (f"{steps}", f"{mean_loss(run, styles):.4f}")]
        run = runs[-1][0]
        count = sum(p.numel() for p in run.unet.parameters())
        measured = [f"{count / 1e6:.1f} M", f"{2 * count / 1e6:.1f} MB", f"{1000 * seconds_per_step(run):.0f} ms"]
        lines.append(f"| {' | '.join([', '.join(map(str, channels)), *measured, *cells])} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder with pictures, latents and embeddings")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 15.0], help="training times to compare")
    args = parser.parse_args()
    print("\n".join(measure(args.state, args.minutes)))


if __name__ == "__main__":
    main()

"""Does training the U-Net with style tokens help? Two short runs at 64 px, with and without them.

`python -m experiments.pseudo_words --state DIR --steps 1000` trains both and prints a table of their losses on held-out
styles: with an empty prompt, and with a "[C]" from another picture of the same variant, before and after learning it.
With style tokens, the initial "[C]" comes from the inversion module; without them, it is the word "painting", as in
textual inversion (Gal et al. 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.held_out import RATES, SIDE, STEPS, TrainedRun, held_out_styles, load_text_tower
from miniature.common.training import Budget, add_budget, budget_of
from miniature.diffusion.unet import train

RUNS = {"with style tokens": train.TOKEN_SHARE, "without": 0.0}


def measure(state: Path, budget: Budget) -> list[str]:
    """Train both runs; lines of a Markdown table with losses, also relative to those without a prompt."""
    text = load_text_tower(state)
    styles = list(held_out_styles(state, len(text.tokenizer)))
    lines = [
        f"| loss on {len(styles)} held-out styles | no prompt | initial [C] | [C] after {STEPS} steps |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, share in RUNS.items():
        folder = f"pseudo-word-{share:g}"
        train.train(state, budget, device="cpu", token_share=share, side=SIDE, folder=folder)
        run, losses = TrainedRun.of(state / folder, text, module=bool(share)), []
        for style in tqdm(styles, desc=name):
            after = min(run.held_out_loss(style, run.learned_vectors(style, rate)) for rate in RATES)
            initial = run.held_out_loss(style, run.initial_vectors(style))
            losses.append((run.held_out_loss(style, None), initial, after))
        plain, first, after = np.array(losses).mean(0)
        lines.append(
            f"| {name} | {plain:.4f} | {first:.4f} ({first / plain:.0%}) | {after:.4f} ({after / plain:.0%}) |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder with pictures, latents and embeddings")
    add_budget(parser, minutes=12)
    args = parser.parse_args()
    print("\n".join(measure(args.state, budget_of(args))))


if __name__ == "__main__":
    main()

"""Is the text space to be taught by pseudo-words? Two short runs at 64 px, with and without.

`python -m experiments.pseudo_words --state DIR --steps 1000` trains both and prints a table: how far a picture in a
manner never trained on is missed when noise has hidden it, with the prompt empty and with a "[C]" that was learned from
another picture in that manner. With pseudo-words the inversion module says what "[C]" is at first; without, the word
"painting" does, as in textual inversion (Gal et al. 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.held_out import RATES, SIDE, STEPS, Trained, manners, text_side
from miniature.common.training import Budget, add_budget, budget_of
from miniature.diffusion.unet import train

RUNS = {"with pseudo-words": train.PSEUDO_WORDS, "without": 0.0}


def measure(state: Path, budget: Budget) -> list[str]:
    """Train both and lines of a Markdown table, the losses as shares of those without a prompt."""
    text = text_side(state)
    held = list(manners(state, len(text.tokenizer)))
    lines = [
        f"| {len(held)} held-out styles | no prompt | [C] at first | [C] after {STEPS} steps |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, share in RUNS.items():
        folder = f"pseudo-word-{share:g}"
        train.train(state, budget, device="cpu", pseudo_words=share, side=SIDE, folder=folder)
        run, found = Trained.of(state / folder, text, module=bool(share)), []
        for manner in tqdm(held, desc=name):
            after = min(run.missed(manner, run.learned(manner, rate)) for rate in RATES)
            found.append((run.missed(manner, None), run.missed(manner, run.begin(manner)), after))
        plain, first, after = np.array(found).mean(0)
        lines.append(
            f"| {name} | {plain:.4f} | {first:.4f} ({first / plain:.0%}) | {after:.4f} ({after / plain:.0%}) |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder with drawings, latents and embeddings")
    add_budget(parser, minutes=12)
    args = parser.parse_args()
    print("\n".join(measure(args.state, budget_of(args))))


if __name__ == "__main__":
    main()

"""CPU time per image in the training of the small StyleGAN2: `python -m experiments.generator_cost`.

Processor time of one thread, which depends little on other load; the fastest of a few steps counts, and the penalty is
added in proportion to its frequency.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from inst.gan.layers import Form
from miniature.avatars.generator import train
from miniature.common.adversarial import AdversarialRecipe, AdversarialRun
from miniature.common.training import Budget, accelerator

STEPS = 3
NARROW, CHOSEN, WIDE = (192, 192, 96, 48, 24), train.WIDTHS[:5], (256, 256, 192, 96, 48)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table."""

    widths: tuple[int, ...] = CHOSEN
    batch: int = 16
    bf16: bool = True
    form: Form | None = None
    fold: int = train.FOLD


CASES = (
    *(Case(widths=widths) for widths in (NARROW, CHOSEN, WIDE)),
    *(Case(batch=batch) for batch in (8, 32)),
    Case(bf16=False),
    Case(form="grouped"),
    Case(fold=1),
)


def milliseconds(case: Case) -> tuple[float, float]:
    """Processor time in milliseconds per image, and millions of parameters of the generator."""
    sizes = train.config(4 * 2 ** (len(case.widths) - 1), case.widths)
    generator, discriminator = train.build(sizes, fold=case.fold)
    generator.form = case.form
    autocast = accelerator("cpu").autocast if case.bf16 else contextlib.nullcontext
    real = torch.rand(case.batch, 3, sizes.resolution, sizes.resolution) * 2 - 1
    with tempfile.TemporaryDirectory() as folder:
        run = AdversarialRun(
            Path(folder), generator, discriminator, AdversarialRecipe(batch=case.batch), Budget(steps=99)
        )
        durations = []
        for step in (0, *range(1, STEPS + 1), run.adversarial.penalty_every):
            run.step = step
            started = time.process_time()
            train.train_step(run, generator, real, autocast)
            durations.append(time.process_time() - started)
    plain = min(durations[1:-1])
    share = max(0.0, durations[-1] - plain) / run.adversarial.penalty_every
    return 1000 * (plain + share) / case.batch, sum(p.numel() for p in generator.parameters()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    torch.set_num_threads(1)
    header = (
        "widths at 4, 8 … px",
        "generator",
        "batch",
        "precision",
        "modulation",
        "folded",
        "ms per image",
        "h for 600,000 images",
    )
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    for case in CASES:
        ms, millions = milliseconds(case)
        widths = ", ".join(map(str, case.widths))
        precision, form = "bf16" if case.bf16 else "float32", case.form or "scaled"
        print(
            f"| {widths} | {millions:.2f} M | {case.batch} | {precision} | {form} | {case.fold}×{case.fold} | {ms:.1f} "
            f"| {ms * 600 / 3600:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

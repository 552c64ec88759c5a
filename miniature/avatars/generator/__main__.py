"""Train a small StyleGAN2 on avatars: `python -m miniature.avatars.generator --state DIR`.

Reads ``DIR/avatars.npy``. Widths and batch size were chosen with `experiments.generator_cost`, whose table is in
miniature/README.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from miniature.avatars.generator.export import averaged, distance, export
from miniature.avatars.generator.train import train
from miniature.common.training import Budget, add_start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=300, help="training time in total, including earlier runs")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument("--out", type=Path, help="folder in which generator.safetensors is written at the end")
    add_start(parser)
    args = parser.parse_args()
    run = train(args.state, Budget(minutes=args.minutes), size=args.size, device=args.device, start=args.start)
    generated, real = distance(
        averaged(run.averaged()["generator"]), np.load(args.state / "avatars.npy", mmap_mode="r")
    )
    print(f"sliced Wasserstein distance to real images {generated:.4f}; between real images {real:.4f}")
    if args.out is not None:
        export(args.state, args.out / "generator.safetensors")


if __name__ == "__main__":
    main()

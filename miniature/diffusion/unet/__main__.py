"""Step 5: train the U-Net and the inversion module jointly: `python -m miniature.diffusion.unet --state DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from miniature.common.training import Budget, add_start
from miniature.diffusion.unet.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=67)
    parser.add_argument("--device", default="auto")
    add_start(parser)
    args = parser.parse_args()
    train(args.state, Budget(minutes=args.minutes), device=args.device, start=args.start)


if __name__ == "__main__":
    main()

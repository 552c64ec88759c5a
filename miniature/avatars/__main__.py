"""`python -m miniature.avatars --state DIR --count N --size 64 [--workers K]`, or `--sheet out.png` for a look."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from miniature.avatars.data import writer
from miniature.avatars.drawing.portrait import SIZES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m miniature.avatars", description=__doc__)
    parser.add_argument("--state", type=Path, help="folder for avatars.npy and avatars.json")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--size", type=int, help="64 to 256 pixels (default: 64, on a sheet 128)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="draw a contact sheet there instead of a data set")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=6)
    args = parser.parse_args()
    if (args.state is None) == (args.sheet is None):
        parser.error("give --state DIR to write a data set, or --sheet FILE for a look at some avatars")
    if args.count < 1 or not SIZES[0] <= (args.size or SIZES[0]) <= SIZES[1]:
        parser.error(f"--count is at least 1, --size from {SIZES[0]} to {SIZES[1]}")
    cv2.setNumThreads(1)
    if args.sheet:
        picture = writer.sheet(args.columns, args.rows, args.size or 128, args.seed)
        cv2.imwrite(str(args.sheet), picture[..., ::-1])
        return
    writer.write(args.state, args.count, args.size or 64, seed=args.seed, workers=args.workers)


if __name__ == "__main__":
    main()

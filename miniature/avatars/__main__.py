"""Draw avatars: `python -m miniature.avatars --state DIR --count N`, or `--sheet FILE` for a contact sheet."""

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
    parser.add_argument("--size", type=int, help="side in pixels, 64 to 256 (default: 64, on a contact sheet 128)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="write a contact sheet instead of a data set")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=6)
    args = parser.parse_args()
    if (args.state is None) == (args.sheet is None):
        parser.error("give either --state DIR to write a data set or --sheet FILE to write a contact sheet")
    if args.count < 1 or not SIZES[0] <= (args.size or SIZES[0]) <= SIZES[1]:
        parser.error(f"--count must be at least 1 and --size between {SIZES[0]} and {SIZES[1]}")
    cv2.setNumThreads(1)
    if args.sheet:
        picture = writer.contact_sheet(args.columns, args.rows, args.size or 128, args.seed)
        cv2.imwrite(str(args.sheet), picture[..., ::-1])
        return
    writer.write_avatars(args.state, args.count, args.size or 64, seed=args.seed, workers=args.workers)


if __name__ == "__main__":
    main()

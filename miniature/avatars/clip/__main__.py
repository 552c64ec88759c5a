"""Train the CLIP of the avatars: `python -m miniature.avatars.clip --state DIR`.

Reads ``DIR/avatars.npy`` and ``DIR/avatars.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from miniature.avatars.clip.train import export, measure, train
from miniature.common.training import add_budget, add_start, budget_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    add_budget(parser, minutes=20)
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument("--out", type=Path, help="folder in which clip/ is written at the end")
    add_start(parser)
    args = parser.parse_args()
    train(args.state, budget_of(args), device=args.device, start=args.start)
    print(measure(args.state))
    if args.out is not None:
        export(args.state, args.out)


if __name__ == "__main__":
    main()

"""Train the encoder of the small StyleGAN2: `python -m miniature.avatars.encoder --state DIR --generator FILE`.

Half of the training images are generated, so that their codes are known, half are the avatars in ``DIR/avatars.npy``.
The reconstruction quality on held-out avatars is stored in its file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from inst import load_generator
from miniature.avatars.data.dataset import to_tensors
from miniature.avatars.encoder.export import averaged, export, measure, reconstruct, rejection_rate
from miniature.avatars.encoder.train import train
from miniature.avatars.generator.export import write_sheet
from miniature.common.training import Budget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--generator", required=True, help="file written by miniature.avatars.generator --out")
    parser.add_argument("--identity", help="identity network for a loss on reconstructions")
    parser.add_argument("--minutes", type=float, default=30, help="training time in total, including earlier runs")
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument("--out", type=Path, help="folder in which encoder.safetensors is written at the end")
    args = parser.parse_args()
    device = "cpu" if args.device == "cpu" else "auto"
    session = load_generator(args.generator, identity=args.identity, device=device, dtype="float32")
    run = train(args.state, session, Budget(minutes=args.minutes), device=args.device)
    pixels = np.load(args.state / "avatars.npy", mmap_mode="r")
    images = to_tensors(pixels[-32:])
    reconstructions = reconstruct(averaged(run), session.generator, images)
    write_sheet(run.folder / "sheet.png", torch.stack([images, reconstructions], 1).flatten(0, 1))
    metadata = measure(averaged(run), session.generator, pixels)
    print(", ".join(f"{name} {value}" for name, value in metadata.items()))
    print(rejection_rate(averaged(run), session.generator, metadata["least_psnr"]))
    if args.out is not None:
        export(args.out, run, session, metadata)


if __name__ == "__main__":
    main()

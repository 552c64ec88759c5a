"""Train the encoder of the small StyleGAN2, `python -m miniature.avatars.encoder --state DIR --generator FILE`.

It learns from pictures that the generator draws, whose codes are known, and from the drawn avatars of
``DIR/avatars.npy``. How well avatars that it never saw are found again is stored in its file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from inst.commands.faces.options import GanOptions
from inst.pipelines.faces.session import FaceSession
from miniature.avatars.data.dataset import as_pictures
from miniature.avatars.encoder.export import averaged, export, found_again, measure, refused
from miniature.avatars.encoder.train import train
from miniature.avatars.generator.export import write_sheet
from miniature.common.training import Budget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--generator", required=True, help="what miniature.avatars.generator --out wrote")
    parser.add_argument("--identity", help="identity network that looks at what is found again")
    parser.add_argument("--minutes", type=float, default=30, help="of work in all, earlier runs counted in")
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument("--out", type=Path, help="folder to write encoder.safetensors to at the end")
    args = parser.parse_args()
    device = "cpu" if args.device == "cpu" else "auto"
    session = FaceSession(GanOptions(generator=args.generator, identity=args.identity, device=device, dtype="float32"))
    run = train(args.state, session, Budget(minutes=args.minutes), device=args.device)
    pixels = np.load(args.state / "avatars.npy", mmap_mode="r")
    shown = as_pictures(pixels[-32:])
    again = found_again(averaged(run), session.generator, shown)
    write_sheet(run.folder / "sheet.png", torch.stack([shown, again], 1).flatten(0, 1))
    metadata = measure(averaged(run), session.generator, pixels)
    print(", ".join(f"{name} {value}" for name, value in metadata.items()))
    print(refused(averaged(run), session.generator, metadata["least_psnr"]))
    if args.out is not None:
        export(args.out, run, session, metadata)


if __name__ == "__main__":
    main()

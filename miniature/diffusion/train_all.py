"""All steps: `python -m miniature.diffusion.train_all --photos DIR --paintings DIR [--emoji DIR] --state DIR`.

It takes two and a half hours on two CPU cores and can be interrupted and resumed at any time. The autoencoder and CLIP
are trained in parallel with half of the cores each, and so are the U-Net and the decoder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

MINUTES = {"autoencoder": 39.0, "clip": 31.0, "decoder": 24.0, "unet": 74.0}
PACKAGE_ROOT = Path(__file__).resolve().parents[2]


def _start(step: str, *arguments: str, threads: int) -> subprocess.Popen[bytes]:
    """Start one step in a separate process with the given number of threads."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    print(f"== {step} {' '.join(arguments)}", flush=True)
    return subprocess.Popen(
        [sys.executable, "-m", f"miniature.diffusion.{step}", *arguments], env=environment, cwd=PACKAGE_ROOT
    )


def _wait(*processes: subprocess.Popen[bytes]) -> None:
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(f"a step failed (exit codes {codes}); run the same command again to resume")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--emoji", type=Path)
    parser.add_argument("--state", type=Path, required=True, help="folder for intermediate files, about 6 GB")
    parser.add_argument("--out", type=Path, help="output folder of the model (default: STATE/mini)")
    parser.add_argument("--minutes-scale", type=float, default=1.0, help="factor of all training times, such as 0.1")
    parser.add_argument("--variants", type=int, default=2600, help="number of style variants to render")
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument(
        "--start",
        type=Path,
        help="exported model whose CLIP and autoencoder are kept and whose U-Net is trained further",
    )
    args = parser.parse_args()
    state = str(args.state.resolve())
    cores = os.cpu_count() or 1
    half = max(1, cores // 2)

    def train(what: str) -> subprocess.Popen[bytes]:
        minutes = MINUTES[what] * args.minutes_scale
        step = (what, "--start", str(args.start.resolve())) if args.start and what == "unet" else (what,)
        return _start(*step, "--state", state, "--minutes", f"{minutes:.4f}", "--device", args.device, threads=half)

    emoji = ["--emoji", str(args.emoji.resolve())] if args.emoji else []
    folders = ["--photos", str(args.photos.resolve()), "--paintings", str(args.paintings.resolve()), *emoji]
    _wait(_start("render", *folders, "--state", state, "--variants", str(args.variants), threads=1))
    if args.start:
        _wait(_start("adopt", "--start", str(args.start.resolve()), "--state", state, threads=1))
    else:
        _wait(train("autoencoder"), train("clip"))
    _wait(_start("embed", "--state", state, "--device", args.device, threads=cores))
    _wait(train("unet"), *([] if args.start else [train("decoder")]))
    _wait(_start("export", "--state", state, "--out", str((args.out or args.state / "mini").resolve()), threads=cores))


if __name__ == "__main__":
    main()

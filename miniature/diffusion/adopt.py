"""Copy an exported model's CLIP, tokenizer and autoencoder into a state folder, to continue with its U-Net alone.

`python -m miniature.diffusion.adopt --start inst/assets/mini --state DIR`. With it, training the U-Net on another
machine needs only the repository, photos and paintings.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

PARTS = {
    "clip": ("clip", Path("clip/open_clip_model.safetensors")),
    "autoencoder": ("vae", Path("vae/diffusion_pytorch_model.safetensors")),
}
"""For each step in a state folder: the name of its module, and the file of the exported model."""


def adopt(start: Path, state: Path) -> None:
    """Write the averaged weights, which can be used by later steps but not trained further.

    Raises:
        SystemExit: the state folder contains a training run.
    """
    for step, (key, file) in PARTS.items():
        folder = state / step
        if (folder / "state.json").exists():
            if json.loads((folder / "state.json").read_text())["step"]:
                raise SystemExit(f"{folder} contains a training run: give another --state")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        weights = {f"ema/{key}.{name}": value.float() for name, value in load_file(start / file).items()}
        save_file(weights, folder / "state-0.safetensors")
        metadata = {"file": "state-0.safetensors", "step": 0, "seconds": 0.0, "loss": 0.0}
        (folder / "state.json").write_text(json.dumps(metadata))
    if not (state / "tokenizer").exists():
        shutil.copytree(start / "tokenizer", state / "tokenizer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="exported model, such as inst/assets/mini")
    parser.add_argument("--state", type=Path, required=True)
    args = parser.parse_args()
    adopt(args.start, args.state)


if __name__ == "__main__":
    main()

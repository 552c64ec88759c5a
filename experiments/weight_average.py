"""Two miniatures averaged weight by weight, `python -m experiments.weight_average FIRST SECOND --share 0.5 --out DIR`.

For a run and the one that it was begun at (`--start`). Between two such there is no hill in the loss (Wortsman et al.
2022, "Model soups"), so that what the second learned can be had in part, without training anything. Only the U-Net and
the inversion module may differ, and only those are averaged.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from inst.files import sha256
from miniature.common.folders import keep_card, replacing_folder
from miniature.common.manifest import NAME as MANIFEST
from miniature.common.manifest import write_manifest

STYLES = "styles"
AVERAGED = (Path("unet/diffusion_pytorch_model.safetensors"), Path("inversion/attention.safetensors"))


def average(first: Path, second: Path, share: float, out: Path) -> None:
    """Write the folder; a model card that lay there is kept.

    Args:
        share: the second one's, 0 to 1.

    Raises:
        SystemExit: the share is outside that, a file is missing, or the folders differ in what is not averaged.
    """
    if not 0 <= share <= 1:
        raise SystemExit(f"--share is 0 (the first) to 1 (the second), not {share:g}")
    _check(first, second)
    with replacing_folder(out) as folder:
        shutil.copytree(first, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(STYLES, MANIFEST))
        for name in AVERAGED:
            ours, theirs = (load_file(weights / name) for weights in (first, second))
            mixed = {key: torch.lerp(ours[key].float(), theirs[key].float(), share).to(ours[key].dtype) for key in ours}
            with safe_open(first / name, "pt") as file:
                save_file(mixed, folder / name, metadata=file.metadata())
        keep_card(out, folder)
        write_manifest(folder)


def _check(first: Path, second: Path) -> None:
    for path in sorted(first.rglob("*.safetensors")):
        name = path.relative_to(first)
        if STYLES in name.parts:
            continue
        if not (second / name).is_file():
            raise SystemExit(f"{second} has no {name}: give two folders that `miniature.diffusion.export` wrote")
        same = _shapes(path) == _shapes(second / name) if name in AVERAGED else sha256(path) == sha256(second / name)
        if not same:
            raise SystemExit(f"{name} of {first} does not fit {second}'s: one has to be trained on from the other")


def _shapes(path: Path) -> dict[str, list[int]]:
    with safe_open(path, "pt") as file:
        return {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118 (not a dict)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="the second one's")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    average(arguments.first, arguments.second, arguments.share, arguments.out)


if __name__ == "__main__":
    main()

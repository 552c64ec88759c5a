"""Average the weights of two exported models: `python -m experiments.weight_average FIRST SECOND --out DIR`.

One model has to be trained further from the other (`--start`). There is usually no loss barrier between two such models
(Wortsman et al. 2022, "Model soups"), so that the average has part of what the second one learned without further
training. Only the U-Net and the inversion module may differ, and only these are averaged.
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
    """Write the averaged model; an existing model card is kept.

    Args:
        share: weight of the second model, 0 to 1.

    Raises:
        SystemExit: the share is out of range, a file is missing, or the folders differ in other parts.
    """
    if not 0 <= share <= 1:
        raise SystemExit(f"--share is {share:g}; it must be between 0 (the first) and 1 (the second)")
    _check(first, second)
    with replacing_folder(out) as folder:
        shutil.copytree(first, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(STYLES, MANIFEST))
        for name in AVERAGED:
            one, two = (load_file(weights / name) for weights in (first, second))
            mixed = {key: torch.lerp(one[key].float(), two[key].float(), share).to(one[key].dtype) for key in one}
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
            raise SystemExit(f"{second} has no {name}: give two folders written by `miniature.diffusion.export`")
        same = _shapes(path) == _shapes(second / name) if name in AVERAGED else sha256(path) == sha256(second / name)
        if not same:
            raise SystemExit(
                f"{name} differs between {first} and {second}: one has to be trained further from the other"
            )


def _shapes(path: Path) -> dict[str, list[int]]:
    with safe_open(path, "pt") as file:
        return {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118 (not a dict)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="weight of the second model, 0 to 1")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    average(arguments.first, arguments.second, arguments.share, arguments.out)


if __name__ == "__main__":
    main()

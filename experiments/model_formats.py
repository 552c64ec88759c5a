"""Does a model give the same predictions in all three file formats, at Stable Diffusion 1.5's size?

Random weights are written as a diffusers folder, as an LDM-layout safetensors file and as a `.ckpt` with a Lightning
callback. Each is loaded by the same function and predicts the noise for the same latents and text.

    python -m experiments.model_formats            # 6 GB of disk, 8 GB of memory
    python -m experiments.model_formats --narrow   # quick trial with narrow networks
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.common.machine import describe_machine
from benchmarks.common.tables import markdown_table, write_results
from inst.files import write_safetensors
from inst.models.load import load
from inst.models.source import parse_source
from inst.placement import Placement
from tests.support.ldm import ldm_weights, write_lightning_checkpoint
from tests.support.narrow import full_models, narrow_models, write_folder

FORMATS = {"diffusers folder": "folder", "LDM safetensors": "model.safetensors", "Lightning .ckpt": "model.ckpt"}


def write_formats(root: Path, *, narrow: bool) -> None:
    """Write the same random weights in float16 in the three formats."""
    models = narrow_models() if narrow else full_models()
    for model in models:
        model.half()
    write_folder(root / "folder", models)
    weights = ldm_weights(*models)
    write_safetensors(root / "model.safetensors", weights, {})
    write_lightning_checkpoint(root / "model.ckpt", weights)


def predict(path: Path, device: torch.device) -> tuple[Tensor, dict[str, float]]:
    """The noise predicted for fixed latents, and the seconds for loading and for the prediction."""
    started = time.perf_counter()
    model = load(parse_source(str(path)), Placement(device, torch.float32))
    loaded = time.perf_counter()
    latents = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0)).to(device)
    with torch.no_grad():
        conditioning = model.text.encode_prompt(["a house by the sea"], {})
        noise = model.eps_model(conditioning)(latents, torch.tensor([500], device=device))
    return noise.cpu(), {"load": loaded - started, "predict": time.perf_counter() - loaded}


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--narrow", action="store_true", help="narrow networks, for a quick trial")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--output", type=Path, default=Path("outputs/formats.md"), help="Markdown file; .json is written beside it"
    )
    arguments = parser.parse_args(argv)
    device = torch.device(arguments.device)
    rows: list[list[str]] = []
    metadata: dict[str, Any] = {
        "machine": describe_machine(device, torch.get_num_threads()),
        "narrow": arguments.narrow,
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_formats(root, narrow=arguments.narrow)
        first: Tensor | None = None
        for name, path in FORMATS.items():
            noise, seconds = predict(root / path, device)
            first = noise if first is None else first
            same = torch.equal(noise, first)
            metadata[name] = seconds | {"same": same, "std": noise.std().item()}
            same_text = "bit-equal" if same else f"differs by {(noise - first).abs().max():.2g}"
            rows.append([name, f"{seconds['load']:.1f} s", f"{seconds['predict']:.1f} s", same_text])
    text = markdown_table(["format", "load", "predict at 512 px", "compared with the folder"], rows)
    print(text)
    write_results(arguments.output, text, metadata)
    if not all(metadata[name]["same"] for name in FORMATS):
        raise SystemExit("the formats do not predict the same noise")


if __name__ == "__main__":
    main()

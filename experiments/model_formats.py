"""Is one model in three forms the same model? Written, loaded and compared at Stable Diffusion's real size.

Random weights as a diffusers folder, as one LDM-layout safetensors file and as a `.ckpt` with a Lightning callback;
each is loaded by the toolkit's one function and predicts the noise of the same latents under the same text.

    python -m experiments.model_formats            # 6 GB of disk at half precision, 8 GB of memory
    python -m experiments.model_formats --narrow   # a rehearsal in seconds
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

FORMS = {"diffusers folder": "folder", "LDM safetensors": "model.safetensors", "Lightning .ckpt": "model.ckpt"}


def write_forms(root: Path, *, narrow: bool) -> None:
    """The same random weights, in float16, in the three forms."""
    models = narrow_models() if narrow else full_models()
    for model in models:
        model.half()
    write_folder(root / "folder", models)
    weights = ldm_weights(*models)
    write_safetensors(root / "model.safetensors", weights, {})
    write_lightning_checkpoint(root / "model.ckpt", weights)


def predict(path: Path, device: torch.device) -> tuple[Tensor, dict[str, float]]:
    """The noise that a model predicts for fixed latents, and the seconds it took to load and to predict."""
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
    parser.add_argument("--narrow", action="store_true", help="a tenth of the width: a rehearsal")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("outputs/formats.md"), help="also .json beside it")
    arguments = parser.parse_args(argv)
    device = torch.device(arguments.device)
    rows: list[list[str]] = []
    metadata: dict[str, Any] = {
        "machine": describe_machine(device, torch.get_num_threads()),
        "narrow": arguments.narrow,
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_forms(root, narrow=arguments.narrow)
        first: Tensor | None = None
        for name, path in FORMS.items():
            noise, seconds = predict(root / path, device)
            first = noise if first is None else first
            same = torch.equal(noise, first)
            metadata[name] = seconds | {"same": same, "std": noise.std().item()}
            same_text = "bit-equal" if same else f"differs by {(noise - first).abs().max():.2g}"
            rows.append([name, f"{seconds['load']:.1f} s", f"{seconds['predict']:.1f} s", same_text])
    text = markdown_table(["form", "load", "predict at 512 px", "noise against the folder's"], rows)
    print(text)
    write_results(arguments.output, text, metadata)
    if not all(metadata[name]["same"] for name in FORMS):
        raise SystemExit("the forms do not predict the same noise")


if __name__ == "__main__":
    main()

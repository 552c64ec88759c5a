"""Results of the training: the averaged encoder, its reconstructions, and how well it detects other images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from inst import FaceSession
from inst.gan.compact import CompactEncoder
from inst.gan.encoder import save_encoder
from inst.gan.generator import Generator
from inst.gan.invert import measure_loss
from inst.image import list_images
from inst.shapes import Image
from miniature.avatars.data.dataset import num_held_out, to_tensors
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos, read_photo
from miniature.common.training import Run

QUANTILE = 0.01
"""Quantile of the reconstruction PSNR of avatars; images below it are not accepted as avatars."""


def averaged(run: Run) -> CompactEncoder:
    """The averaged encoder of a run, rounded to float16 like its exported file."""
    network = run.modules["encoder"]
    assert isinstance(network, CompactEncoder)
    copy = CompactEncoder(network.layout)
    copy.load_state_dict({name: value.cpu().half() for name, value in run.averaged()["encoder"].items()})
    return copy.eval().requires_grad_(False)


@torch.no_grad()
def reconstruct(encoder: CompactEncoder, generator: Generator, images: Image) -> Image:
    """Encode and synthesize images."""
    device = generator.const.device
    codes = [encoder(part) + encoder.mean for part in images.split(50)]
    return torch.cat([generator(part.to(device)).clamp(-1, 1).cpu() for part in codes])


def measure(encoder: CompactEncoder, generator: Generator, pixels: np.ndarray) -> dict[str, Any]:
    """Reconstruction PSNR in dB on held-out avatars."""
    images = to_tensors(pixels[len(pixels) - num_held_out(len(pixels)) :])
    psnr = measure_loss(images, reconstruct(encoder, generator, images)).psnr
    return {
        "least_psnr": round(float(psnr.quantile(QUANTILE)), 3),
        "median_psnr": round(float(psnr.median()), 3),
        "measured_on": f"{len(psnr)} held-out avatars, quantile {QUANTILE}",
    }


def other_images(side: int) -> Image:
    """Squares of the paintings in `style_images/` and of scikit-image's photos."""
    return torch.cat([read_photo(path, side) for path in (*packaged_photos(), *list_images(STYLE_IMAGES))])


def rejection_rate(encoder: CompactEncoder, generator: Generator, min_psnr: float) -> str:
    """How many paintings and photos are rejected because their reconstruction PSNR is below ``min_psnr``."""
    images = other_images(generator.config.resolution)
    psnr = measure_loss(images, reconstruct(encoder, generator, images)).psnr
    return f"{int((psnr < min_psnr).sum())} of {len(psnr)} paintings and photos are rejected"


def export(out: Path, run: Run, session: FaceSession, measured: dict[str, Any]) -> None:
    """Write ``out/encoder.safetensors``."""
    metadata = {"generator": session.fingerprint, "steps": run.step, **measured}
    save_encoder(out / "encoder.safetensors", averaged(run), metadata)

"""What comes out of `miniature.avatars.encoder`: the averaged encoder, how it finds avatars and tells what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from inst.gan.compact import CompactEncoder
from inst.gan.encoder import save_encoder
from inst.gan.generator import Generator
from inst.gan.invert import measure_loss
from inst.image import list_images
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image
from miniature.avatars.data.dataset import as_pictures, held_back
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos, read_photo
from miniature.common.training import Run

PERCENTILE = 0.01
"""Of the decibels of pictures found again: what is below is taken for no avatar."""


def averaged(run: Run) -> CompactEncoder:
    """The averaged encoder of a run, as its file will have it: rounded to float16."""
    network = run.modules["encoder"]
    assert isinstance(network, CompactEncoder)
    copy = CompactEncoder(network.layout)
    copy.load_state_dict({name: value.cpu().half() for name, value in run.averaged()["encoder"].items()})
    return copy.eval().requires_grad_(False)


@torch.no_grad()
def found_again(encoder: CompactEncoder, generator: Generator, pictures: Image) -> Image:
    device = generator.const.device
    codes = [encoder(part) + encoder.mean for part in pictures.split(50)]
    return torch.cat([generator(part.to(device)).clamp(-1, 1).cpu() for part in codes])


def measure(encoder: CompactEncoder, generator: Generator, pixels: np.ndarray) -> dict[str, Any]:
    """How well the avatars that were held back are found again."""
    pictures = as_pictures(pixels[len(pixels) - held_back(len(pixels)) :])
    psnr = measure_loss(pictures, found_again(encoder, generator, pictures)).psnr
    return {
        "least_psnr": round(float(psnr.quantile(PERCENTILE)), 3),
        "median_psnr": round(float(psnr.median()), 3),
        "measured_on": f"{len(psnr)} drawn avatars that were not trained on, quantile {PERCENTILE}",
    }


def no_avatars(side: int) -> Image:
    """The paintings of `style_images/` and the photographs that scikit-image ships, cut square."""
    return torch.cat([read_photo(path, side) for path in (*packaged_photos(), *list_images(STYLE_IMAGES))])


def refused(encoder: CompactEncoder, generator: Generator, least: float) -> str:
    """How many pictures that are no avatars are told by being found again worse than ``least``."""
    pictures = no_avatars(generator.config.resolution)
    psnr = measure_loss(pictures, found_again(encoder, generator, pictures)).psnr
    return f"{int((psnr < least).sum())} of {len(psnr)} paintings and photographs are refused"


def export(out: Path, run: Run, session: FaceSession, measured: dict[str, Any]) -> None:
    """Write ``out/encoder.safetensors``."""
    metadata = {"generator": session.fingerprint, "steps": run.step, **measured}
    save_encoder(out / "encoder.safetensors", averaged(run), metadata)

"""Results of the training: the averaged generator, contact sheets, and the distance to real images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from inst.gan.checkpoints import read_generator, save_generator
from inst.gan.checkpoints.assemble import average_w, config_of
from inst.gan.generator import Generator
from miniature.avatars.data.dataset import to_tensors
from miniature.avatars.generator.distance import set_distance
from miniature.common.training import saved

NUM_IMAGES = 1000
"""Images in each of the sets whose distance is measured at the end."""


def averaged(state: Mapping[str, Tensor]) -> Generator:
    """A frozen generator on the CPU with these weights; its mean w is that of 10,000 random codes."""
    weights = {name: value.detach().cpu() for name, value in state.items()}
    sizes = config_of(weights)
    return Generator.from_state(sizes, weights | {"latent_avg": average_w(sizes, weights)})


def trained(state: Path) -> Generator:
    """The averaged generator of the run in ``state``."""
    return _trained(saved(state / "gan")[1])


def _trained(tensors: Mapping[str, Tensor]) -> Generator:
    return averaged(_part(tensors, "buffer/generator.") | _part(tensors, "ema/generator."))


def export(state: Path, out: Path) -> None:
    """Write the averaged generator of a run for `inst.gan.checkpoints.load_generator`; weights in float16."""
    out.parent.mkdir(parents=True, exist_ok=True)
    save_generator(out, trained(state), dtype=torch.float16)


def init_from(start: Path, generator: Generator, discriminator: nn.Module) -> None:
    """Initialise a new training from an exported generator, or from both networks of the run in a state folder.

    Raises:
        ValueError: the weights have other sizes.
    """
    if (start / "gan" / "state.json").exists():
        _, tensors = saved(start / "gan")
        generator.load_state_dict(_trained(tensors).state_dict())
        discriminator.load_state_dict(_part(tensors, "ema/discriminator."))
        return
    sizes, weights = read_generator(start / "generator.safetensors")
    if sizes != generator.config:
        raise ValueError(f"{start} contains a generator with {sizes}, but {generator.config} is needed")
    generator.load_state_dict(weights)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def sample_images(generator: Generator, count: int, psi: float = 1.0, seed: int = 0) -> Tensor:
    """``count`` images (n, 3, size, size) in [-1, 1] of random codes with a fixed seed."""
    z = torch.randn(count, generator.config.z_width, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        codes = generator.truncate(generator.map(z), psi)
        return torch.cat([generator(part).clamp(-1, 1) for part in codes.split(32)])


def write_sheet(path: Path, images: Tensor, columns: int = 8) -> None:
    """Write a contact sheet as PNG."""
    pixels = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    rows = [np.concatenate(list(pixels[i : i + columns]), 1) for i in range(0, len(pixels), columns)]
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])


def distance(generator: Generator, real: np.ndarray, count: int = NUM_IMAGES) -> tuple[float, float]:
    """Distance of generated images to real ones, and between two sets of real images as its lower bound."""
    count = min(count, len(real) // 2)
    order = np.random.default_rng(0).permutation(len(real))
    first, second = (to_tensors(real[np.sort(part)]) for part in (order[:count], order[count : 2 * count]))
    return set_distance(sample_images(generator, count), first), set_distance(second, first)

"""What comes out of the training: the averaged generator, sheets of its pictures, their distance to real ones."""

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
from miniature.avatars.data.dataset import as_pictures
from miniature.avatars.generator.distance import crowd_distance
from miniature.common.training import saved

MEASURED = 1000
"""Pictures on either side of the distance at the end."""


def averaged(state: Mapping[str, Tensor]) -> Generator:
    """A frozen generator on the CPU with these weights, and the mean of 10,000 mapped codes as its average w."""
    own = {name: value.detach().cpu() for name, value in state.items()}
    sizes = config_of(own)
    return Generator.from_state(sizes, own | {"latent_avg": average_w(sizes, own)})


def trained(state: Path) -> Generator:
    """The averaged generator of the run in ``state``."""
    return _trained(saved(state / "gan")[1])


def _trained(tensors: Mapping[str, Tensor]) -> Generator:
    return averaged(_part(tensors, "buffer/generator.") | _part(tensors, "ema/generator."))


def export(state: Path, out: Path) -> None:
    """Write the averaged generator of a run for `inst.gan.checkpoints.load_generator`; weights in float16."""
    out.parent.mkdir(parents=True, exist_ok=True)
    save_generator(out, trained(state), dtype=torch.float16)


def begin_at(start: Path, generator: Generator, discriminator: nn.Module) -> None:
    """Give a new training the weights of an exported generator, or of both sides of the run in a state folder.

    Raises:
        ValueError: weights of other sizes.
    """
    if (start / "gan" / "state.json").exists():
        _, tensors = saved(start / "gan")
        generator.load_state_dict(_trained(tensors).state_dict())
        discriminator.load_state_dict(_part(tensors, "ema/discriminator."))
        return
    sizes, weights = read_generator(start / "generator.safetensors")
    if sizes != generator.config:
        raise ValueError(f"{start} holds a generator of {sizes}: {generator.config} is wanted")
    generator.load_state_dict(weights)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def pictures(generator: Generator, count: int, psi: float = 1.0, seed: int = 0) -> Tensor:
    """``count`` pictures (n, 3, size, size) in [-1, 1], always the same."""
    z = torch.randn(count, generator.config.z_width, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        codes = generator.truncate(generator.map(z), psi)
        return torch.cat([generator(part).clamp(-1, 1) for part in codes.split(32)])


def write_sheet(path: Path, made: Tensor, across: int = 8) -> None:
    """A PNG of pictures in rows."""
    pixels = ((made + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    rows = [np.concatenate(list(pixels[i : i + across]), 1) for i in range(0, len(pixels), across)]
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])


def distance(generator: Generator, real: np.ndarray, count: int = MEASURED) -> tuple[float, float]:
    """Sliced distance of made pictures to real ones, and that of other real ones, the least there is to reach."""
    count = min(count, len(real) // 2)
    order = np.random.default_rng(0).permutation(len(real))
    first, second = (as_pictures(real[np.sort(part)]) for part in (order[:count], order[count : 2 * count]))
    return crowd_distance(pictures(generator, count), first), crowd_distance(second, first)

"""What `benchmarks.speed.real_size` measures, one case a process."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.machine import Stopwatch, peak_memory
from benchmarks.speed.diffusion.networks import Size, real_size, tiny_size

STRENGTH, STEPS = 0.6, 50
WARM_UP_SIDE = 64
"""A first step on a picture of this side loads the libraries' kernels."""
CASES = ("train-reference", "train-product", "stylize-reference", "stylize-product")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process measures.

    Attributes:
        steps: denoising steps to take; 0 for all of them.
        repeat: how often to measure; the shortest counts.
        batch: pictures at once, for the product's lines only.
        sampler, num_steps: of the product's stylization.
    """

    case: str
    device: str
    dtype: str = "auto"
    tiny: bool = False
    steps: int = 0
    repeat: int = 1
    batch: int = 1
    folder: str = ""
    sampler: str = "ddim"
    num_steps: int = STEPS
    checkpointed: bool = False
    weight_gradients: bool = False

    @property
    def size(self) -> Size:
        return tiny_size() if self.tiny else real_size()


def steps_run(num_steps: int) -> int:
    """Denoising steps that strength 0.6 runs."""
    return int(STRENGTH * num_steps + 1e-9)


def train_reference(task: Task) -> dict[str, float]:
    """Seconds of a training step of the release."""
    from benchmarks.speed.diffusion.reference import Reference

    device = torch.device(task.device)
    reference = Reference(task.size, device, checkpointed=task.checkpointed, weight_gradients=task.weight_gradients)
    reference.training_step(_picture(WARM_UP_SIDE, device))
    watch = Stopwatch(device)
    for _ in range(task.repeat):
        with watch.timing("step"):
            reference.training_step(_picture(task.size.side, device))
    return {"step": watch.best("step")}


def train_product(task: Task) -> dict[str, float]:
    """Seconds of a training step of ours, and of what is done once for a painting."""
    product = _product(task)
    watch = Stopwatch(product.placement.device)
    with watch.timing("once"):
        training = product.training(task.batch)
    for _ in range(task.repeat + 1):
        with watch.timing("step"):
            product.training_step(training)
    return {"step": min(watch.seconds["step"][1:]), "once": watch.best("once")}


def stylize_reference(task: Task) -> dict[str, float]:
    """Seconds of each part of the release's stylization."""
    from benchmarks.speed.diffusion.reference import Reference

    device = torch.device(task.device)
    reference = Reference(task.size, device)
    small = _picture(WARM_UP_SIDE, device)
    list(reference.stylize(small, small, 1))
    image = _picture(task.size.side, device)
    best: dict[str, float] = {}
    for _ in range(task.repeat):
        seconds: dict[str, list[float]] = {}
        watch = Stopwatch(device)
        parts = reference.stylize(image, image, task.steps or None)
        while True:
            with watch.timing("part"):
                part = next(parts, None)
            if part is None:
                break
            seconds.setdefault(part[0], []).append(watch.seconds["part"][-1])
        best = _better(best, {name: sum(values) / len(values) for name, values in seconds.items()})
    return best


def stylize_product(task: Task) -> dict[str, float]:
    """Seconds of ours: of the whole, or, where only some steps are taken, of each part."""
    from benchmarks.speed.diffusion.product import photo_settings

    product = _product(task)
    num_steps = math.ceil(task.steps / STRENGTH) if task.steps else task.num_steps
    settings = photo_settings(task.sampler, num_steps, task.size.side)
    if task.steps:
        product.measure_parts()
    best: dict[str, float] = {}
    for _ in range(task.repeat):
        product.watch.seconds.clear()
        with product.watch.timing("whole"):
            product.stylize(settings, task.batch)
        whole = {"whole": product.watch.best("whole")}
        parts = product_parts(product.watch, task.batch, steps_run(num_steps)) if task.steps else whole
        best = _better(best, parts)
    return best


def product_parts(watch: Stopwatch, batch: int, steps: int) -> dict[str, float]:
    """The mean of a denoising step, the other parts once; ``other`` is what is left of the whole."""
    calls = watch.seconds[f"unet {2 * batch}"]
    assert len(calls) == steps, (len(calls), steps)
    known = {"encode": "encode", "prompt": "prompt", "inversion": f"unet {batch}", "decode": "decode"}
    found = {name: sum(watch.seconds[key]) for name, key in known.items()}
    found["other"] = watch.best("whole") - sum(calls) - sum(found.values())
    return found | {"step": sum(calls) / steps}


MEASURES: dict[str, Callable[[Task], dict[str, float]]] = dict(
    zip(CASES, (train_reference, train_product, stylize_reference, stylize_product), strict=True)
)


def _product(task: Task) -> Any:
    from benchmarks.speed.diffusion.product import Product
    from inst.placement import choose_placement

    return Product(Path(task.folder), choose_placement(task.device, task.dtype))


def _picture(side: int, device: torch.device) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device) * 2 - 1


def _better(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return {name: min(value, first.get(name, value)) for name, value in second.items()}


def measure(task: Task) -> dict[str, Any]:
    """A task's seconds and peak memory."""
    seconds = MEASURES[task.case](task)
    return {"seconds": seconds, "memory": peak_memory(torch.device(task.device)), "task": asdict(task)}

"""The cases that `benchmarks.speed.real_size` measures, each in a separate process."""

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
"""Side of the picture of a first, untimed step that loads the libraries' kernels."""
CASES = ("train-reference", "train-inst", "stylize-reference", "stylize-inst")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process measures.

    Attributes:
        steps: denoising steps to take; 0 for all of them.
        repeat: number of measurements; the fastest counts.
        batch: batch size of inst.
        sampler, num_steps: of inst's stylization.
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
    """Denoising steps taken at strength 0.6."""
    return int(STRENGTH * num_steps + 1e-9)


def train_reference(task: Task) -> dict[str, float]:
    """Seconds of a training step of InST's release."""
    from benchmarks.speed.diffusion.reference import Reference

    device = torch.device(task.device)
    reference = Reference(task.size, device, checkpointed=task.checkpointed, weight_gradients=task.weight_gradients)
    reference.training_step(_picture(WARM_UP_SIDE, device))
    watch = Stopwatch(device)
    for _ in range(task.repeat):
        with watch.timing("step"):
            reference.training_step(_picture(task.size.side, device))
    return {"step": watch.best("step")}


def train_inst(task: Task) -> dict[str, float]:
    """Seconds of a training step of inst, and of the preparation that is done once for a painting."""
    toolkit = _toolkit(task)
    watch = Stopwatch(toolkit.placement.device)
    with watch.timing("once"):
        training = toolkit.training(task.batch)
    for _ in range(task.repeat + 1):
        with watch.timing("step"):
            training.update(training.draw())
    return {"step": min(watch.seconds["step"][1:]), "once": watch.best("once")}


def stylize_reference(task: Task) -> dict[str, float]:
    """Seconds of each part of a stylization by InST's release."""
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


def stylize_inst(task: Task) -> dict[str, float]:
    """Seconds of a stylization by inst: in total or, if only some steps are taken, of each part."""
    from benchmarks.speed.diffusion.toolkit import photo_settings

    toolkit = _toolkit(task)
    num_steps = math.ceil(task.steps / STRENGTH) if task.steps else task.num_steps
    settings = photo_settings(task.sampler, num_steps, task.size.side)
    if task.steps:
        toolkit.measure_parts()
    best: dict[str, float] = {}
    for _ in range(task.repeat):
        toolkit.watch.seconds.clear()
        with toolkit.watch.timing("whole"):
            toolkit.stylize(settings, task.batch)
        whole = {"whole": toolkit.watch.best("whole")}
        parts = toolkit_parts(toolkit.watch, task.batch, steps_run(num_steps)) if task.steps else whole
        best = _better(best, parts)
    return best


def toolkit_parts(watch: Stopwatch, batch: int, steps: int) -> dict[str, float]:
    """Mean duration of a denoising step and of the other parts; ``other`` is the rest of the total."""
    calls = watch.seconds[f"unet {2 * batch}"]
    assert len(calls) == steps, (len(calls), steps)
    keys = {"encode": "encode", "prompt": "prompt", "inversion": f"unet {batch}", "decode": "decode"}
    parts = {name: sum(watch.seconds[key]) for name, key in keys.items()}
    parts["other"] = watch.best("whole") - sum(calls) - sum(parts.values())
    return parts | {"step": sum(calls) / steps}


MEASURES: dict[str, Callable[[Task], dict[str, float]]] = dict(
    zip(CASES, (train_reference, train_inst, stylize_reference, stylize_inst), strict=True)
)


def _toolkit(task: Task) -> Any:
    from benchmarks.speed.diffusion.toolkit import Toolkit
    from inst.placement import choose_placement

    return Toolkit(Path(task.folder), choose_placement(task.device, task.dtype))


def _picture(side: int, device: torch.device) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device) * 2 - 1


def _better(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return {name: min(value, first.get(name, value)) for name, value in second.items()}


def measure(task: Task) -> dict[str, Any]:
    """Seconds and peak memory of a task."""
    seconds = MEASURES[task.case](task)
    return {"seconds": seconds, "memory": peak_memory(torch.device(task.device)), "task": asdict(task)}

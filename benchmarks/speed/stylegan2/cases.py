"""The cases that `benchmarks.speed.gan` measures, each in a separate process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.common.machine import Stopwatch, peak_memory
from benchmarks.speed.stylegan2.networks import SIZES, GanSize, Networks, random_networks
from benchmarks.speed.stylegan2.reference import Reference
from inst.gan.codes import to_rgb_styles
from inst.gan.editor import DirectionsEditor, synthesis_fn
from inst.gan.losses import ClipView
from inst.gan.styleclip.mapper import LevelsMapper
from inst.gan.styleclip.optimize import OptimizeSettings, optimize_latents
from inst.gan.styleclip.ranger import Ranger
from inst.gan.styleclip.relevance import RelevanceSettings, channel_relevance
from inst.gan.styleclip.statistics import StyleStatistics
from inst.gan.styleclip.train_mapper import MapperLoss, MapperSettings, train_mapper
from inst.placement import Placement, choose_placement

CASES = ("synthesis", "edit", "relevance", "optimize", "mapper")
IMPLEMENTATIONS = ("reference", "inst")
TEXT, NEUTRAL = "a face with glasses", "face"
ALPHA, BETA = 3.0, 0.05
MAPPER_BATCH = 2
"""Codes a step, as published."""
OPTIMIZE, MAPPER = OptimizeSettings(identity_weight=0.005), MapperSettings()


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process measures.

    Attributes:
        implementation: ``reference`` or ``inst``.
        batch: batch size of inst; 0 for the default of the network size.
        repeat: number of measurements after an untimed first one; the fastest counts.
        unfrozen: the reference with gradients of all networks' weights, as published.
    """

    case: str
    implementation: str
    size: str
    device: str
    dtype: str = "auto"
    batch: int = 0
    repeat: int = 1
    unfrozen: bool = False

    @property
    def sizes(self) -> GanSize:
        return SIZES[self.size]

    @property
    def placement(self) -> Placement:
        """The reference uses float32."""
        return choose_placement(self.device, "float32" if self.implementation == "reference" else self.dtype)

    @property
    def batch_size(self) -> int:
        """Batch size of inst."""
        return self.batch or self.sizes.batch


@dataclass
class Setup:
    """The networks of a task and their inputs."""

    task: Task

    def __post_init__(self) -> None:
        self.networks: Networks = random_networks(self.task.sizes, self.task.placement)
        if self.task.unfrozen and self.task.implementation == "reference":
            self.networks.unfreeze()
        self.watch = Stopwatch(self.task.placement.device)
        self.reference = Reference(self.networks)

    @torch.no_grad()
    def codes(self, count: int) -> Tensor:
        """W+ codes of random z."""
        generator = self.networks.generator
        z = torch.randn(count, generator.config.z_width, generator=torch.Generator().manual_seed(1))
        return generator.to_w_plus(generator.map(z.to(self.task.placement.device))).contiguous()

    def mapper(self) -> tuple[LevelsMapper, Ranger]:
        torch.manual_seed(1)
        mapper = LevelsMapper(self.networks.generator.config.w_width).to(self.task.placement.device)
        return mapper, Ranger(mapper.parameters(), lr=0.5)

    def directions(self) -> tuple[Tensor, StyleStatistics]:
        """A random relevance matrix with unit rows, and channel statistics."""
        widths, device = self.networks.generator.config.style_widths, self.task.placement.device
        frozen = to_rgb_styles(len(widths))
        rows = sum(width for index, width in enumerate(widths) if index not in frozen)
        matrix = torch.randn(rows, self.networks.clip.embed_dim, generator=torch.Generator().manual_seed(2))
        means, stds = ([torch.full((width,), value).to(device) for width in widths] for value in (1.0, 0.2))
        return torch.nn.functional.normalize(matrix, dim=1).to(device), StyleStatistics(means, stds)

    def fastest(self, work: Callable[[], object], images: int = 1) -> float:
        """Seconds per image of the fastest run."""
        work()
        for _ in range(self.task.repeat):
            with self.watch.timing("work"):
                work()
        return self.watch.best("work") / images

    def fastest_step(self, steps: Iterator[object]) -> float:
        """Seconds of the fastest step; the first two (no update before them, loading of kernels) are not timed."""
        for _ in itertools.islice(steps, 2):
            pass
        for _ in range(self.task.repeat):
            with self.watch.timing("step"):
                next(steps)
        return self.watch.best("step")


def synthesis(setup: Setup) -> dict[str, float]:
    """Seconds to synthesize an image from W+."""
    if setup.task.implementation == "reference":
        codes, synthesize, images = setup.codes(1), setup.reference.synthesize_w_plus, 1
    else:
        images = setup.task.batch_size
        codes, synthesize = setup.codes(images), setup.networks.generator
    with torch.no_grad():
        return {"image": setup.fastest(lambda: synthesize(codes), images)}


def edit(setup: Setup) -> dict[str, float]:
    """Seconds of an edit with a global direction; ``text``: of encoding a new text, which inst does once."""
    matrix, statistics = setup.directions()
    inst, networks = setup.task.implementation == "inst", setup.networks
    codes = setup.codes(setup.task.batch_size if inst else 1)
    editor = DirectionsEditor(networks.generator, networks.clip, matrix, statistics, NEUTRAL, ALPHA, BETA)
    if not inst:
        arguments = (codes, matrix, statistics.stds, (TEXT, NEUTRAL), (ALPHA, BETA))
        return {"image": setup.fastest(lambda: setup.reference.edit(*arguments))}
    with setup.watch.timing("text"):
        editor.direction(TEXT)
    synthesize = synthesis_fn(networks.generator)
    with torch.no_grad():
        seconds = setup.fastest(lambda: synthesize(editor.edit(codes, TEXT)), len(codes))
    return {"image": seconds, "text": setup.watch.best("text")}


def relevance(setup: Setup) -> dict[str, float]:
    """Seconds to synthesize and embed one image of the channel relevance measurement."""
    inst, networks = setup.task.implementation == "inst", setup.networks
    _, statistics = setup.directions()
    with torch.no_grad():
        styles = networks.generator.styles(setup.codes(setup.task.batch_size // 2 if inst else 1))
    if not inst:
        return {"image": setup.fastest(lambda: list(setup.reference.relevance_embeddings(styles, (0, 0), 1.0)), 2)}
    settings = RelevanceSettings(batch_size=setup.task.batch_size)
    rows = channel_relevance(
        styles, statistics, synthesis_fn(networks.generator), networks.clip.embed_images, settings, frozen={1}
    )
    return {"image": setup.fastest_step(rows) / (2 * len(styles[0]))}


def optimize(setup: Setup) -> dict[str, float]:
    """Seconds of a step of latent optimisation of one face, with the identity loss."""
    settings = replace(OPTIMIZE, steps=setup.task.repeat + 3)
    networks, codes = setup.networks, setup.codes(1)
    if setup.task.implementation == "reference":
        return {"step": setup.fastest_step(setup.reference.optimize(codes, TEXT, settings))}
    view = ClipView(networks.clip)
    texts, synthesize = view.embed_text([TEXT]), synthesis_fn(networks.generator)
    return {
        "step": setup.fastest_step(
            optimize_latents([codes], texts, synthesize, view, settings, arcface=networks.arcface)
        )
    }


def mapper(setup: Setup) -> dict[str, float]:
    """Seconds of a training step of a mapper with two codes."""
    network, optimizer = setup.mapper()
    codes, networks = setup.codes(MAPPER_BATCH), setup.networks
    if setup.task.implementation == "reference":
        work = setup.reference.mapper_step
        return {"step": setup.fastest(lambda: work(network, optimizer, codes, TEXT, MAPPER))}
    view = ClipView(networks.clip)
    loss = MapperLoss(view.embed_text([TEXT]), synthesis_fn(networks.generator), view, MAPPER, networks.arcface)
    return {"step": setup.fastest_step(train_mapper(network, loss, itertools.repeat([codes]), optimizer))}


MEASURES: dict[str, Callable[[Setup], dict[str, float]]] = dict(
    zip(CASES, (synthesis, edit, relevance, optimize, mapper), strict=True)
)


def measure(task: Task) -> dict[str, Any]:
    """Seconds and peak memory of a task."""
    seconds = MEASURES[task.case](Setup(task))
    return {"seconds": seconds, "memory": peak_memory(torch.device(task.device)), "task": asdict(task)}

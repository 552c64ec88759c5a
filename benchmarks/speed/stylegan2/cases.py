"""What `benchmarks.speed.gan` measures, one case of one side a process."""

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

CASES = ("synthesis", "edit", "prepass", "optimize", "mapper")
SIDES = ("reference", "inst")
TEXT, NEUTRAL = "a face with glasses", "face"
ALPHA, BETA = 3.0, 0.05
MAPPER_BATCH = 2
"""Codes a step, published."""
OPTIMIZE, MAPPER = OptimizeSettings(identity_weight=0.005), MapperSettings()


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process measures.

    Attributes:
        side: ``reference`` or ``inst``.
        batch: pictures at once, for ours; 0 for what suits the size.
        repeat: how often to measure after a first time that does not count; the shortest counts.
        unfrozen: the reference with gradients of all networks' weights, as published.
    """

    case: str
    side: str
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
        """The reference is in float32."""
        return choose_placement(self.device, "float32" if self.side == "reference" else self.dtype)

    @property
    def pictures(self) -> int:
        """At once, ours."""
        return self.batch or self.sizes.batch


@dataclass
class Scene:
    """Networks and what they work on."""

    task: Task

    def __post_init__(self) -> None:
        self.networks: Networks = random_networks(self.task.sizes, self.task.placement)
        if self.task.unfrozen and self.task.side == "reference":
            self.networks.unfreeze()
        self.watch = Stopwatch(self.task.placement.device)
        self.reference = Reference(self.networks)

    @torch.no_grad()
    def codes(self, count: int) -> Tensor:
        """W+ of random z."""
        generator = self.networks.generator
        z = torch.randn(count, generator.config.z_width, generator=torch.Generator().manual_seed(1))
        return generator.to_w_plus(generator.map(z.to(self.task.placement.device))).contiguous()

    def mapper(self) -> tuple[LevelsMapper, Ranger]:
        torch.manual_seed(1)
        mapper = LevelsMapper(self.networks.generator.config.w_width).to(self.task.placement.device)
        return mapper, Ranger(mapper.parameters(), lr=0.5)

    def prepared(self) -> tuple[Tensor, StyleStatistics]:
        """A relevance matrix of unit rows, and statistics."""
        widths, device = self.networks.generator.config.style_widths, self.task.placement.device
        frozen = to_rgb_styles(len(widths))
        rows = sum(width for index, width in enumerate(widths) if index not in frozen)
        matrix = torch.randn(rows, self.networks.clip.embed_dim, generator=torch.Generator().manual_seed(2))
        means, stds = ([torch.full((width,), value).to(device) for width in widths] for value in (1.0, 0.2))
        return torch.nn.functional.normalize(matrix, dim=1).to(device), StyleStatistics(means, stds)

    def best_of(self, work: Callable[[], object], pictures: int = 1) -> float:
        """Seconds of the fastest run, for each picture."""
        work()
        for _ in range(self.task.repeat):
            with self.watch.timing("work"):
                work()
        return self.watch.best("work") / pictures

    def best_step(self, steps: Iterator[object]) -> float:
        """Seconds of the fastest step; the first two are other than the rest (no update before them, first kernels)."""
        for _ in itertools.islice(steps, 2):
            pass
        for _ in range(self.task.repeat):
            with self.watch.timing("step"):
                next(steps)
        return self.watch.best("step")


def synthesis(scene: Scene) -> dict[str, float]:
    """A picture from W+."""
    if scene.task.side == "reference":
        codes, draw, pictures = scene.codes(1), scene.reference.draw_w_plus, 1
    else:
        pictures = scene.task.pictures
        codes, draw = scene.codes(pictures), scene.networks.generator
    with torch.no_grad():
        return {"picture": scene.best_of(lambda: draw(codes), pictures)}


def edit(scene: Scene) -> dict[str, float]:
    """A global edit, drawn; ``text`` is what reading a new text costs, which ours does once for all pictures."""
    relevance, statistics = scene.prepared()
    ours, networks = scene.task.side == "inst", scene.networks
    codes = scene.codes(scene.task.pictures if ours else 1)
    editor = DirectionsEditor(networks.generator, networks.clip, relevance, statistics, NEUTRAL, ALPHA, BETA)
    if not ours:
        given = (codes, relevance, statistics.stds, (TEXT, NEUTRAL), (ALPHA, BETA))
        return {"picture": scene.best_of(lambda: scene.reference.edit(*given))}
    with scene.watch.timing("text"):
        editor.direction(TEXT)
    draw = synthesis_fn(networks.generator)
    with torch.no_grad():
        seconds = scene.best_of(lambda: draw(editor.edit(codes, TEXT)), len(codes))
    return {"picture": seconds, "text": scene.watch.best("text")}


def prepass(scene: Scene) -> dict[str, float]:
    """A picture of the channels' measurement, drawn and seen by CLIP."""
    ours, networks = scene.task.side == "inst", scene.networks
    _, statistics = scene.prepared()
    with torch.no_grad():
        styles = networks.generator.styles(scene.codes(scene.task.pictures // 2 if ours else 1))
    if not ours:
        return {"picture": scene.best_of(lambda: list(scene.reference.relevance_pictures(styles, (0, 0), 1.0)), 2)}
    settings = RelevanceSettings(batch_size=scene.task.pictures)
    rows = channel_relevance(
        styles, statistics, synthesis_fn(networks.generator), networks.clip.embed_images, settings, frozen={1}
    )
    return {"picture": scene.best_step(rows) / (2 * len(styles[0]))}


def optimize(scene: Scene) -> dict[str, float]:
    """A step of latent optimisation of one face, with identity."""
    settings = replace(OPTIMIZE, steps=scene.task.repeat + 3)
    networks, codes = scene.networks, scene.codes(1)
    if scene.task.side == "reference":
        return {"step": scene.best_step(scene.reference.optimize(codes, TEXT, settings))}
    view = ClipView(networks.clip)
    texts, draw = view.embed_text([TEXT]), synthesis_fn(networks.generator)
    return {"step": scene.best_step(optimize_latents([codes], texts, draw, view, settings, arcface=networks.arcface))}


def mapper(scene: Scene) -> dict[str, float]:
    """A step of a mapper's training, two codes."""
    network, optimizer = scene.mapper()
    codes, networks = scene.codes(MAPPER_BATCH), scene.networks
    if scene.task.side == "reference":
        work = scene.reference.mapper_step
        return {"step": scene.best_of(lambda: work(network, optimizer, codes, TEXT, MAPPER))}
    view = ClipView(networks.clip)
    loss = MapperLoss(view.embed_text([TEXT]), synthesis_fn(networks.generator), view, MAPPER, networks.arcface)
    return {"step": scene.best_step(train_mapper(network, loss, itertools.repeat([codes]), optimizer))}


MEASURES: dict[str, Callable[[Scene], dict[str, float]]] = dict(
    zip(CASES, (synthesis, edit, prepass, optimize, mapper), strict=True)
)


def measure(task: Task) -> dict[str, Any]:
    """A task's seconds and peak memory."""
    seconds = MEASURES[task.case](Scene(task))
    return {"seconds": seconds, "memory": peak_memory(torch.device(task.device)), "task": asdict(task)}

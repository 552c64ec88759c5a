"""Measuring what each StyleSpace channel changes for CLIP, which global directions need (Patashnik et al. 2021, 6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from inst.errors import ConfigError
from inst.gan.codes import Codes, to_rgb_styles
from inst.gan.editor import clip_probe, synthesis_fn
from inst.gan.generator import Generator
from inst.gan.styleclip.prepared import Prepared
from inst.gan.styleclip.relevance import ChannelRow, RelevanceSettings, channel_relevance
from inst.gan.styleclip.statistics import StyleStatistics, style_statistics
from inst.options import settings_of
from inst.pipelines.faces.session import FaceSession
from inst.pipelines.faces.training_settings import DirectionsSettings
from inst.seeds import generator as rng_of
from inst.training.checkpoint import Checkpoint, identity_of
from inst.training.partial_results import PartialResults, part_files
from inst.training.progress import with_bar
from inst.training.workers import ONE_PROCESS, Workers

SAVE_SECONDS = 30.0
"""Time between two checkpoints."""
_CODES_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuringStep:
    """How far the measurement is; the first item comes before any channel of this call.

    Attributes:
        step: channels measured, by all processes; about, where there are several.
        total: channels to measure.
        stopped: whether it was asked to stop; the checkpoint, if there is one, was saved.
        directions: the result, in the last item of the main process; ``None`` before.
    """

    step: int
    total: int
    stopped: bool = False
    directions: Prepared | None = field(default=None, repr=False)


def prepare_directions(
    session: FaceSession,
    *,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    **settings: Any,
) -> Prepared:
    """Measure the channels of a generator's StyleSpace, for edits by global directions.

    Each channel is moved up and down on a number of faces, and the mean change of CLIP's embedding is recorded. Each
    channel's mean and standard deviation over random faces are recorded, too. At 1024 pixels that takes hours.

    Args:
        session: the generator, and the CLIP that judges the pictures.
        progress: show a progress bar.
        checkpoint: a file for the channels measured so far. It is removed when all are measured.
        resume: continue from the checkpoint, where there is one.
        settings: fields of :class:`DirectionsSettings`, such as ``samples`` or ``seed``.

    Returns:
        What ``edit`` takes as ``directions``.

    Raises:
        ConfigError: an unknown setting, or a value out of its range.
        InputError: a checkpoint that belongs to other settings.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> directions = faces.prepare_directions(samples=1, statistics_samples=10, max_side=4)
    >>> directions.metadata["samples"]
    1
    """
    steps = prepare_directions_steps(session, checkpoint=checkpoint, resume=resume, **settings)
    step = None
    for step in with_bar(steps, "measuring channels", show=progress, unit="channel"):  # noqa: B007
        pass
    assert step is not None and step.directions is not None
    if checkpoint is not None:
        for path in (*part_files(Path(checkpoint)), Path(checkpoint)):
            path.unlink(missing_ok=True)
    return step.directions


def prepare_directions_steps(
    session: FaceSession,
    *,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    workers: Workers = ONE_PROCESS,
    should_stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[MeasuringStep]:
    """Measure the channels, one at a time; see :func:`prepare_directions`.

    Args:
        checkpoint: as for :func:`prepare_directions`, but it stays when all channels are measured. Several processes
            need one: each keeps its channels in a file beside it.
        workers: the processes that share the channels.
        should_stop: called after every channel; a true answer saves the checkpoint and ends the measurement.
    """
    given = settings_of(DirectionsSettings, settings)
    if workers.count > 1 and checkpoint is None:
        raise ConfigError("several processes exchange their results through the checkpoint: give one")
    return _measure(session, given, None if checkpoint is None else Path(checkpoint), resume, workers, should_stop)


def _measure(
    session: FaceSession,
    settings: DirectionsSettings,
    path: Path | None,
    resume: bool,
    workers: Workers,
    should_stop: Callable[[], bool],
) -> Iterator[MeasuringStep]:
    generator, probe = session.generator, clip_probe(session.clip)
    results = PartialResults(None if path is None else _checkpoint(path, session, settings, probe), workers)
    statistics = style_statistics(_styles(generator, settings, settings.statistics_samples))
    frozen = frozen_styles(generator, settings.max_side)
    total = sum(width for i, width in enumerate(generator.config.style_widths) if i not in frozen)
    known = results.begin(resume=resume)
    mine = workers.share([number for number in range(total) if number not in known])
    rows = _rows(session, settings, statistics, frozen, mine)
    yield MeasuringStep(step=len(known), total=total)
    saved = time.monotonic()
    with _kept_when_left(results):
        for done, (number, row) in enumerate(zip(mine, rows, strict=True), start=1):
            results.rows[number] = row.direction.cpu()
            if done == len(mine):
                continue
            stopped = should_stop()
            if stopped or time.monotonic() - saved > SAVE_SECONDS:
                results.keep()
                saved = time.monotonic()
            # the other processes are about as far
            yield MeasuringStep(step=min(total, len(known) + done * workers.count), total=total, stopped=stopped)
            if stopped:
                return
    relevance = results.gather(total)
    prepared = None
    if relevance is not None:
        prepared = Prepared(relevance, statistics, probe, _metadata(session, settings))
    yield MeasuringStep(step=total, total=total, directions=prepared)


@contextmanager
def _kept_when_left(results: PartialResults) -> Iterator[None]:
    """Save the results where the caller stops iterating."""
    try:
        yield
    except GeneratorExit:
        results.keep()
        raise


def _rows(
    session: FaceSession,
    settings: DirectionsSettings,
    statistics: StyleStatistics,
    frozen: frozenset[int],
    numbers: Sequence[int],
) -> Iterator[ChannelRow]:
    """The rows of the relevance matrix with these numbers, one at a time."""
    generator = session.generator
    return channel_relevance(
        [torch.cat(parts) for parts in zip(*_styles(generator, settings, settings.samples), strict=True)],
        statistics,
        synthesis_fn(generator),
        session.clip.embed_images,
        RelevanceSettings(mode=settings.mode, strength=settings.deviations, batch_size=settings.batch_size),
        frozen=frozen,
        only=frozenset(numbers),
    )


def _metadata(session: FaceSession, settings: DirectionsSettings) -> dict[str, Any]:
    return {
        "generator": session.fingerprint,
        "clip": session.clip_name,
        "samples": settings.samples,
        "mode": settings.mode,
        "deviations": settings.deviations,
    }


def _checkpoint(path: Path, session: FaceSession, settings: DirectionsSettings, probe: torch.Tensor) -> Checkpoint:
    decisive = {**asdict(settings), "dtype": str(session.placement.dtype)}
    return Checkpoint(path, identity_of(decisive, session.fingerprint, probe), "generator, CLIP or settings")


@torch.no_grad()
def _styles(generator: Generator, settings: DirectionsSettings, count: int) -> Iterator[Codes]:
    """StyleSpace codes of random faces, batch by batch; the first of many are the same as those of few."""
    rng = rng_of(settings.seed)
    for start in range(0, count, _CODES_AT_ONCE):
        # always drawn in full, so that the size of a batch changes none of them
        z = torch.randn(_CODES_AT_ONCE, generator.config.z_width, generator=rng)[: count - start]
        w_plus = generator.truncate(generator.map(z.to(generator.const.device)), settings.truncation)
        yield generator.styles(w_plus)


def frozen_styles(generator: Generator, max_side: int | None) -> frozenset[int]:
    """Indices of the styles that are not measured: those of to-RGB layers, and of layers larger than ``max_side``."""
    layers = generator.config.style_layers
    beyond = {i for i, layer in enumerate(layers) if max_side is not None and layer.resolution > max_side}
    return to_rgb_styles(len(layers)) | beyond

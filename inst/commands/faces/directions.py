"""``inst directions prepare``: hours at 1024 px, so it is batched, shared by processes, saved, and goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from inst.commands.common.progress import bar, say
from inst.commands.common.unfinished import claim_output, identity_of
from inst.commands.faces.options import DirectionsRun
from inst.commands.faces.partial_results import PartialResults
from inst.gan.codes import Codes, to_rgb_styles
from inst.gan.editor import clip_probe, synthesis_fn
from inst.gan.generator import Generator
from inst.gan.styleclip.prepared import Prepared, write_prepared
from inst.gan.styleclip.relevance import RelevanceSettings, channel_relevance
from inst.gan.styleclip.statistics import style_statistics
from inst.pipelines.faces.session import FaceSession
from inst.seeds import generator as rng_of
from inst.training.shared import Stop, stopping
from inst.training.workers import Team

SAVE_SECONDS = 30.0
_CODES_AT_ONCE = 1000


def prepare_directions(run: DirectionsRun) -> int:
    """The exit code: that of the signal where one stopped it; what was measured until then is kept."""
    place = claim_output(run.output, "directions prepare", resume=run.resume, overwrite=run.overwrite)
    session = FaceSession(run.generator, clip=run.clip, identity=run.identity, device=run.device, dtype=run.dtype)
    team = Team.join(session.placement)
    with team.locked(place.lock), stopping() as stop:
        probe = clip_probe(session.clip)
        place = replace(place, identity=identity_of(run, session.fingerprint, probe))
        prepared = _measure(session, run, PartialResults(place, team), stop)
        if stop.asked and team.is_main and prepared is None:
            say(f"stopped; what was measured is in {place.state} (--resume continues)")
        if prepared is None:
            return stop.exit_code
        metadata = {
            "generator": session.fingerprint,
            "clip": session.clip_name,
            "samples": run.samples,
            "mode": run.mode,
        }
        write_prepared(place.output, replace(prepared, probe=probe, metadata=metadata | {"deviations": run.deviations}))
        place.finished()
    say(f"{place.output}: {len(prepared.relevance)} channels; inst edit --directions {place.output} --text …")
    return 0


def _measure(session: FaceSession, run: DirectionsRun, rows: PartialResults, stop: Stop) -> Prepared | None:
    """Relevance and statistics; nothing where the run was stopped, or where another process writes them."""
    generator, team = session.generator, rows.team
    statistics = style_statistics(_styles(generator, run, run.statistics_samples))
    samples = [torch.cat(parts) for parts in zip(*_styles(generator, run, run.samples), strict=True)]
    frozen = frozen_styles(generator, run.max_side)
    total = sum(width for i, width in enumerate(generator.config.style_widths) if i not in frozen)
    known = rows.begin(resume=run.resume)
    mine = team.share([number for number in range(total) if number not in known])
    steps = channel_relevance(
        samples,
        statistics,
        synthesis_fn(generator),
        session.clip.embed_images,
        RelevanceSettings(mode=run.mode, strength=run.deviations, batch_size=run.batch_size),
        frozen=frozen,
        only=frozenset(mine),
    )
    saved = time.monotonic()
    with bar(total, "measuring channels", quiet=not team.is_main, unit="channel") as progress:
        progress.update(len(known))
        for number, row in zip(mine, steps, strict=True):
            rows.found[number] = row.direction.cpu()
            progress.update(min(team.count, total - progress.n))  # the others are about as far
            if (stop.asked or time.monotonic() - saved > SAVE_SECONDS) and number != mine[-1]:
                rows.keep()
                saved = time.monotonic()
                if stop.asked:
                    return None
    whole = rows.gather(total)
    return None if whole is None else Prepared(whole, statistics)


@torch.no_grad()
def _styles(generator: Generator, run: DirectionsRun, count: int) -> Iterator[Codes]:
    """StyleSpace of made-up codes, batch by batch; the first of more are the same as of fewer."""
    rng = rng_of(run.seed)
    for start in range(0, count, _CODES_AT_ONCE):
        # always drawn in full: how many a batch has changes none of them
        z = torch.randn(_CODES_AT_ONCE, generator.config.z_width, generator=rng)[: count - start]
        w_plus = generator.truncate(generator.map(z.to(generator.const.device)), run.truncation)
        yield generator.styles(w_plus)


def frozen_styles(generator: Generator, max_side: int | None) -> frozenset[int]:
    """Styles that are not measured: to-RGB, and those of layers beyond a number of pixels."""
    layers = generator.config.style_layers
    beyond = {i for i, layer in enumerate(layers) if max_side is not None and layer.resolution > max_side}
    return to_rgb_styles(len(layers)) | beyond

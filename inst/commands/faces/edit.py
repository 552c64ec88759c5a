"""``inst edit``: photos, made-up faces or stored codes, each brought into the generator's space, edited and drawn."""

from __future__ import annotations

from pathlib import Path

import torch

from inst.assets import AVATARS
from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import report_failures
from inst.commands.common.progress import bar
from inst.commands.faces.edit_batches import edit_photos, edit_stored
from inst.commands.faces.edit_options import (
    Source,
    check_extras,
    choose_method,
    choose_source,
    from_image,
    plan_results,
    with_prepared,
)
from inst.commands.faces.edit_work import EditWork
from inst.commands.faces.options import EditRun
from inst.pipelines.faces.embedded import find_file, with_defaults
from inst.pipelines.faces.inversion import landmarks_for, read_photo
from inst.pipelines.faces.methods import make_editor, saved_edits
from inst.pipelines.faces.session import FaceSession
from inst.shapes import WPlus


def edit_faces(run: EditRun) -> int:
    """The exit code: 2 when a photo of several could not be used.

    Everything that can be wrong with the words of the command is found before a network is loaded.
    """
    run = with_defaults(from_image(run))
    method = choose_method(run)
    run = with_prepared(run, method)
    photos = find_photos(run.photos)
    source = choose_source(run, photos)
    outputs = plan_results(run, photos, source, method)
    check_extras(run, len(outputs))
    session = FaceSession(run, run.encoder)
    # a single photo that cannot be read is found before anything is loaded
    opened = {path: read_photo(path, run) for path in photos if len(photos) == 1}
    provider = landmarks_for(photos, run)
    work = EditWork(session, run, source, method, make_editor(session, run, method), saved_edits(session, run))
    failures: dict[Path, str] = {}
    with bar(len(outputs) * work.ticks, "editing") as progress:
        if source == "photos":
            failures = edit_photos(work, photos, outputs, opened, provider, progress)
        else:
            edit_stored(work, *_codes(session, run, source), outputs, progress)
        work.finish()
    return report_failures(failures, len(photos))


def _codes(session: FaceSession, run: EditRun, source: Source) -> tuple[list[WPlus], list[int]]:
    """Codes (1, k, d) to edit, and the seed of each."""
    if source == "random":
        seeds = [run.seed + i for i in range(run.random)]
        with torch.no_grad():
            return [session.sample_w(1, seed, run.truncation) for seed in seeds], seeds
    path = find_file(AVATARS if source == "example" else run.latents, "latents")
    assert path is not None
    rows = list(session.stored(path).split(1))
    if source == "example":
        return [rows[run.seed % len(rows)]], [run.seed]
    # an embedded avatar's seed is its number, with which it is edited again alone
    return rows, list(range(len(rows))) if run.latents == AVATARS else [run.seed] * len(rows)

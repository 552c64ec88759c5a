"""Edits as `inst edit` makes them, for `benchmarks.gan_edits`: in batches, with mappers trained on demand."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from inst.commands.faces.edit_options import choose_method, with_prepared
from inst.commands.faces.edit_work import EditWork
from inst.commands.faces.train_editor import train_a_mapper

from benchmarks.common.machine import synchronize
from inst.commands.common.outputs import safe_name
from inst.commands.common.unfinished import Unfinished, identity_of
from inst.commands.faces.options import EditRun, MapperRun
from inst.gan.editor import DirectionsEditor, clip_probe
from inst.pipelines.faces.embedded import with_defaults
from inst.pipelines.faces.methods import make_editor
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image, WPlus

METHODS = ("directions", "ffclip", "optimize", "mapper")
CONTROLS = ("no edit", "shuffled channels")
"""The same codes synthesized again; global directions with the channels' relevances shuffled."""


class EditRunner:
    """A generator and the editors of its images.

    Args:
        run: names the networks and files; its settings apply to every edit.
        mappers: folder of trained mappers.
        mapper_options: options of their training, except text and output.
        batch: avatars in a batch.
    """

    def __init__(self, run: EditRun, mappers: Path, mapper_options: MapperRun, batch: int) -> None:
        self.run = with_defaults(run)
        self.mappers, self.mapper_options, self.batch = mappers, with_defaults(mapper_options), batch
        self.session = FaceSession(self.run)
        self._directions: dict[tuple[str, str | None], DirectionsEditor] = {}

    def avatars(self, count: int, seed: int) -> WPlus:
        """Randomly sampled latent codes."""
        with torch.no_grad():
            return self.session.sample_w(count, seed, self.run.truncation)

    def edit(self, method: str, text: str, codes: WPlus, **settings: Any) -> tuple[Image, float]:
        """The edited images, and the seconds per image including the encoding of the text.

        Args:
            method: one of `METHODS` or `CONTROLS`.
            settings: fields of `EditRun` that differ from those of the run.

        Raises:
            InstError: the method cannot make this edit.
        """
        work = self._work(method, replace(self.run, text=text, **settings))
        device = self.session.placement.device
        synchronize(device)
        started = time.perf_counter()
        images = torch.cat([work.edit_codes(part, "fixed", lambda: None) for part in codes.split(self.batch)])
        synchronize(device)
        return images, (time.perf_counter() - started) / len(codes)

    def _work(self, method: str, run: EditRun) -> EditWork:
        if method == "no edit":
            return EditWork(self.session, run, "random", "edits", None, [])
        base = "directions" if method == "shuffled channels" else method
        run = replace(run, method=base)
        if base == "mapper" and run.mapper is None:
            run = replace(run, mapper=str(self.mapper(run.text or "")))
        run = with_prepared(run, choose_method(run))
        editor = self._directions_editor(method, run) if base == "directions" else make_editor(self.session, run, base)
        return EditWork(self.session, run, "random", base, editor, [])

    def _directions_editor(self, method: str, run: EditRun) -> DirectionsEditor:
        """Cached across settings, because encoding a text takes longer than a batch of edits."""
        editor = self._directions.get((method, run.text))
        if editor is None:
            created = make_editor(self.session, run, "directions")
            assert isinstance(created, DirectionsEditor)
            order = torch.arange(len(created.relevance))
            if method == "shuffled channels":
                order = torch.randperm(len(order), generator=torch.Generator().manual_seed(0))
            editor = self._directions[method, run.text] = replace(created, relevance=created.relevance[order])
        editor.alpha, editor.beta = run.alpha, run.beta
        return editor

    def mapper(self, text: str) -> Path:
        """The mapper of a text; it is trained on first use, and an interrupted training is resumed."""
        run = replace(self.mapper_options, text=text)
        key = identity_of(run, self.session.fingerprint, clip_probe(self.session.clip), run.identity)[:12]
        path = self.mappers / f"{safe_name(text)}-{run.max_train_steps}-{key}.safetensors"
        if not Unfinished(path).is_done:
            code = train_a_mapper(replace(run, output=str(path), resume=True))
            if code:
                raise SystemExit(code)
        return path

    @torch.no_grad()
    def unedited(self, codes: WPlus) -> Image:
        """Images of the codes themselves, directly from the generator."""
        return torch.cat([self.session.generator(part).clamp(-1, 1).cpu() for part in codes.split(self.batch)])

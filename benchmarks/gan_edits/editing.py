"""Edits as `inst edit` makes them, for `benchmarks.gan_edits`: many avatars at once, mappers trained where missing."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.machine import synchronize
from inst.commands.common.outputs import safe_name
from inst.commands.common.unfinished import Unfinished, identity_of
from inst.commands.faces.edit_options import choose_method, with_prepared
from inst.commands.faces.edit_work import EditWork
from inst.commands.faces.options import EditRun, MapperRun
from inst.commands.faces.train_editor import train_a_mapper
from inst.gan.editor import DirectionsEditor, clip_probe
from inst.pipelines.faces.embedded import with_defaults
from inst.pipelines.faces.methods import make_editor
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image, WPlus

METHODS = ("directions", "ffclip", "optimize", "mapper")
CONTROLS = ("no edit", "shuffled channels")
"""The same codes drawn again; global directions whose channels were given each other's relevance."""


class Editing:
    """A generator and what edits its pictures.

    Args:
        run: names the networks and files; its settings are those of every edit.
        mappers: folder where trained mappers are kept.
        lesson: their training, but for text and output.
        batch: avatars edited at once.
    """

    def __init__(self, run: EditRun, mappers: Path, lesson: MapperRun, batch: int) -> None:
        self.run = with_defaults(run)
        self.mappers, self.lesson, self.batch = mappers, with_defaults(lesson), batch
        self.session = FaceSession(self.run)
        self._directions: dict[tuple[str, str | None], DirectionsEditor] = {}

    def avatars(self, count: int, seed: int) -> WPlus:
        """Codes that the generator makes up."""
        with torch.no_grad():
            return self.session.sample_w(count, seed, self.run.truncation)

    def edit(self, method: str, text: str, codes: WPlus, **settings: Any) -> tuple[Image, float]:
        """The edited pictures, and the seconds each took, the text's own share with it.

        Args:
            method: of `METHODS` or `CONTROLS`.
            settings: of `EditRun`, other than those of the run.

        Raises:
            InstError: the method cannot make this edit.
        """
        work = self._work(method, replace(self.run, text=text, **settings))
        device = self.session.placement.device
        synchronize(device)
        started = time.perf_counter()
        pictures = torch.cat([work.edit_codes(part, "fixed", lambda: None) for part in codes.split(self.batch)])
        synchronize(device)
        return pictures, (time.perf_counter() - started) / len(codes)

    def _work(self, method: str, run: EditRun) -> EditWork:
        if method == "no edit":
            return EditWork(self.session, run, "random", "edits", None, [])
        product = "directions" if method == "shuffled channels" else method
        run = replace(run, method=product)
        if product == "mapper" and run.mapper is None:
            run = replace(run, mapper=str(self.mapper(run.text or "")))
        run = with_prepared(run, choose_method(run))
        editor = self._directed(method, run) if product == "directions" else make_editor(self.session, run, product)
        return EditWork(self.session, run, "random", product, editor, [])

    def _directed(self, method: str, run: EditRun) -> DirectionsEditor:
        """Kept for other settings: reading a text takes longer than a batch of edits."""
        editor = self._directions.get((method, run.text))
        if editor is None:
            made = make_editor(self.session, run, "directions")
            assert isinstance(made, DirectionsEditor)
            order = torch.arange(len(made.relevance))
            if method == "shuffled channels":
                order = torch.randperm(len(order), generator=torch.Generator().manual_seed(0))
            editor = self._directions[method, run.text] = replace(made, relevance=made.relevance[order])
        editor.alpha, editor.beta = run.alpha, run.beta
        return editor

    def mapper(self, text: str) -> Path:
        """The mapper of a text, trained at the first call; a stopped training goes on."""
        run = replace(self.lesson, text=text)
        key = identity_of(run, self.session.fingerprint, clip_probe(self.session.clip), run.identity)[:12]
        path = self.mappers / f"{safe_name(text)}-{run.max_train_steps}-{key}.safetensors"
        if not Unfinished(path).is_done:
            code = train_a_mapper(replace(run, output=str(path), resume=True))
            if code:
                raise SystemExit(code)
        return path

    @torch.no_grad()
    def unedited(self, codes: WPlus) -> Image:
        """The pictures of the codes themselves, straight from the generator."""
        return torch.cat([self.session.generator(part).clamp(-1, 1).cpu() for part in codes.split(self.batch)])

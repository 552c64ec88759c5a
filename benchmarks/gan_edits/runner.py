"""Edits with the default settings of `inst`, for `benchmarks.gan_edits`: in batches, with mappers trained on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.machine import synchronize
from inst import EditSettings, EditStep, FaceSession, MapperTrainingSettings
from inst.files import sha256
from inst.gan.editor import DirectionsEditor, clip_probe, synthesis_fn
from inst.names import safe_name
from inst.shapes import Image, WPlus
from inst.training.checkpoint import identity_of
from miniature.common.resumable import make_once

METHODS = ("directions", "ffclip", "optimize", "mapper")
CONTROLS = ("no edit", "shuffled channels")
"""The same codes synthesized again; global directions with the channels' relevances shuffled."""
TRUNCATION = 0.7


class EditRunner:
    """A generator and the edits of its images.

    Args:
        session: the generator and its networks.
        settings: of every edit.
        mappers: folder of trained mappers.
        mapper_settings: of their training.
        batch: avatars in a batch.
    """

    def __init__(
        self,
        session: FaceSession,
        settings: EditSettings,
        mappers: Path,
        mapper_settings: MapperTrainingSettings,
        batch: int,
    ) -> None:
        self.session, self.settings, self.batch = session, settings, batch
        self.mappers, self.mapper_settings = mappers, mapper_settings

    @cached_property
    def networks(self) -> tuple[object, ...]:
        """What identifies the networks: the generator's fingerprint, CLIP's probe, the identity file, the precision."""
        identity = self.session.files.identity
        hashed = None if identity is None else sha256(identity)
        return self.session.fingerprint, clip_probe(self.session.clip), hashed, self.session.placement.dtype

    def avatars(self, count: int, seed: int) -> WPlus:
        """Randomly sampled latent codes."""
        with torch.no_grad():
            return self.session.sample_w(count, seed, TRUNCATION)

    def edit(self, method: str, text: str, codes: WPlus, **settings: Any) -> tuple[Image, float]:
        """The edited images, and the seconds per image including the encoding of the text.

        Args:
            method: one of `METHODS` or `CONTROLS`.
            settings: fields of `EditSettings` that differ from those of the runner.

        Raises:
            InstError: the method cannot make this edit.
        """
        steps = self._prepare(method, text, replace(self.settings, **settings))
        device = self.session.placement.device
        synchronize(device)
        started = time.perf_counter()
        images = torch.cat([self._edited(steps, part) for part in codes.split(self.batch)])
        synchronize(device)
        return images, (time.perf_counter() - started) / len(codes)

    def _prepare(self, method: str, text: str, settings: EditSettings) -> Callable[[WPlus], Iterator[EditStep]]:
        if method == "no edit":
            return self.session.saved_edit([]).steps
        if method == "mapper" and settings.mapper is None:
            settings = replace(settings, mapper=str(self.mapper(text)))
        if method != "shuffled channels":
            return self.session.prepare_edit(text, replace(settings, method=method)).steps
        edit = self.session.prepare_edit(text, replace(settings, method="directions"))
        assert isinstance(edit.editor, DirectionsEditor)
        order = torch.randperm(len(edit.editor.relevance), generator=torch.Generator().manual_seed(0))
        # its own cache of text directions, so that the time of either method includes the encoding of the text
        return replace(edit, editor=replace(edit.editor, relevance=edit.editor.relevance[order], known={})).steps

    def _edited(self, steps: Callable[[WPlus], Iterator[EditStep]], codes: WPlus) -> Image:
        *_, last = steps(codes)
        with torch.no_grad():
            return synthesis_fn(self.session.generator)(last.codes).clamp(-1, 1).cpu()

    def mapper(self, text: str) -> Path:
        """The mapper of a text; it is trained on first use, and an interrupted training is resumed."""
        settings = asdict(self.mapper_settings)
        decisive = {k: v for k, v in settings.items() if k not in {"max_train_steps", "checkpointing_steps"}}
        key = identity_of(decisive | {"text": text}, *self.networks)[:12]
        return make_once(
            self.mappers / f"{safe_name(text)}-{self.mapper_settings.max_train_steps}-{key}.safetensors",
            lambda **resumed: self.session.train_mapper_steps(text, **settings, **resumed),
            lambda last: last.editor(),
            f"training a mapper: {text}",
        )

    @torch.no_grad()
    def unedited(self, codes: WPlus) -> Image:
        """Images of the codes themselves, directly from the generator."""
        return torch.cat([self.session.generator(part).clamp(-1, 1).cpu() for part in codes.split(self.batch)])

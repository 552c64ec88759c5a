"""One edit, by a text or saved before, applied to the codes of many faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import PIL.Image
import torch
from torch import Tensor

from inst.errors import InstError
from inst.gan.codes import Codes, rows_of
from inst.gan.editor import Editor, OptimizeEditor, synthesis_fn
from inst.gan.edits import Edit, apply_edits, partway
from inst.gan.generator import Generator, Noise
from inst.image import to_pil
from inst.shapes import Image, WPlus

ONE_STEP = ("directions", "mapper", "ffclip")
"""Methods of one step, which edit many faces at once. Optimisation takes them one by one: each needs its gradients."""


@dataclass(frozen=True)
class EditStep:
    """The codes after one step of an edit.

    Attributes:
        step: steps done so far, from 1.
        total: of how many.
        codes: W+ as a list of one (b, k, d) tensor, or StyleSpace; those of the last step are the result.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> (step,) = faces.edit_steps(faces.sample(seed=7), "an old man", method="ffclip")
    >>> step.step, step.total, step.preview().size
    (1, 1, (64, 64))
    """

    step: int
    total: int
    codes: Codes
    _generator: Generator = field(repr=False)
    _noise: Noise = field(default="fixed", repr=False)

    def preview(self) -> PIL.Image.Image:
        """The first face after this step. It is rendered only when this is called."""
        noise = _rows(self._noise, slice(0, 1))
        return to_pil(render(self._generator, rows_of(self.codes, slice(0, 1)), noise))


@dataclass(frozen=True)
class FaceEdit:
    """An edit that is ready to be applied: networks are loaded, and files and text are checked.

    Attributes:
        method: ``optimize``, ``mapper``, ``directions`` or ``ffclip``; ``edits`` for saved edits.
        editor: of the method; ``None`` for saved edits.
        edits: saved edits, scaled by their weights.
        strength: factor on the edit of ``editor``.
    """

    generator: Generator
    method: str
    text: str = ""
    editor: Editor | None = None
    edits: Sequence[Edit] = ()
    strength: float = 1.0

    @property
    def num_steps(self) -> int:
        return 1 if self.editor is None else self.editor.num_steps

    @property
    def uses_clip(self) -> bool:
        """Whether the edit compares pictures with a text; inverting a face for it then compares CLIP embeddings too."""
        return self.method not in ("mapper", "edits")

    def at_once(self, batch_size: int) -> int:
        """How many faces are edited at once."""
        return batch_size if self.method in ONE_STEP else 1

    def steps(self, w_plus: WPlus, noise: Noise = "fixed") -> Iterator[EditStep]:
        """Edit all rows of W+ codes at once.

        Args:
            noise: of the pictures that optimisation compares with the text.
        """
        for step, codes in enumerate(self._codes(w_plus, noise), 1):
            yield EditStep(step, self.num_steps, codes, self.generator, noise)

    def _codes(self, w_plus: WPlus, noise: Noise) -> Iterator[Codes]:
        if self.editor is None:
            with torch.no_grad():
                codes = apply_edits(self.generator, w_plus, self.edits)
            yield codes
            return
        editor = replace(self.editor, noise=noise) if isinstance(self.editor, OptimizeEditor) else self.editor
        for codes in editor.steps(w_plus, self.text):
            if self.strength != 1:
                with torch.no_grad():
                    codes = partway(self.generator, w_plus, codes, self.strength)
            yield codes


@dataclass(frozen=True)
class EditedFaces:
    """Faces that were edited at once.

    Attributes:
        w_plus: their codes before.
        noise: of their pictures.
        path: their codes after each step; the last are the result.
        images: (b, 3, h, w) in [-1, 1], on the CPU.
    """

    w_plus: WPlus
    noise: Noise
    path: Sequence[Codes]
    images: Image


@dataclass(frozen=True)
class BatchStep:
    """One step of editing many faces in batches.

    Attributes:
        step: steps done so far, those of all faces together.
        total: of how many.
        finished: with the last step of a batch, the picture of each of its faces or why there is none, in order.
        batch: the edited faces themselves, with that step.
    """

    step: int
    total: int
    finished: Sequence[Tensor | InstError] = ()
    batch: EditedFaces | None = None


def edit_in_batches(edit: FaceEdit, faces: Sequence[tuple[WPlus, Noise]], size: int) -> Iterator[BatchStep]:
    """Edit faces, ``size`` at once. A face that cannot be edited does not affect the others.

    Args:
        faces: codes (1, k, d) and noise of each.

    Raises:
        torch.OutOfMemoryError: a single face does not fit into memory; of several, each is tried alone first.
    """
    steps = edit.num_steps
    total = len(faces) * steps
    for start in range(0, len(faces), size):
        part = faces[start : start + size]
        done = start * steps
        try:
            for index, batch in enumerate(_edit_batch(edit, part), 1):
                finished = () if batch is None else batch.images.split(1)
                yield BatchStep(done + index * len(part), total, finished, batch)
        except (InstError, torch.OutOfMemoryError) as error:
            if len(part) > 1:
                for step in edit_in_batches(edit, part, 1):
                    yield replace(step, step=done + step.step, total=total)
            elif isinstance(error, InstError):
                yield BatchStep(done + steps, total, [error])
            else:
                raise


def _edit_batch(edit: FaceEdit, faces: Sequence[tuple[WPlus, Noise]]) -> Iterator[EditedFaces | None]:
    """An item for each step; the last one has the result."""
    w_plus, noise = torch.cat([codes for codes, _ in faces]), _joined([noise for _, noise in faces])
    path: list[Codes] = []
    for step in edit.steps(w_plus, noise):
        path.append(step.codes)
        if step.step < step.total:
            yield None
    yield EditedFaces(w_plus, noise, path, render(edit.generator, path[-1], noise))


def _joined(noises: Sequence[Any]) -> Noise:
    """The noise of several faces that were inverted in the same way: the generator's own, or the maps of each."""
    maps = [noise for noise in noises if not isinstance(noise, str)]
    if len(maps) != len(noises):
        return noises[0]
    return [torch.cat(layers) for layers in zip(*maps, strict=True)] if len(maps) > 1 else maps[0]


@torch.no_grad()
def render(generator: Generator, codes: Sequence[Tensor], noise: Noise = "fixed", batch_size: int = 0) -> Image:
    """Pictures (b, 3, h, w) in [-1, 1] on the CPU from W+ codes (b, k, d) or StyleSpace.

    Args:
        batch_size: pictures made at once; 0 for all.
    """
    count = len(codes[0])
    size = batch_size or count
    parts = [slice(start, start + size) for start in range(0, count, size)]
    return torch.cat(
        [synthesis_fn(generator, _rows(noise, part))(rows_of(codes, part)).clamp(-1, 1).cpu() for part in parts]
    )


def _rows(noise: Noise, part: slice) -> Noise:
    """The noise of some pictures of a batch."""
    if isinstance(noise, str):
        return noise
    if not isinstance(noise[0], Tensor):
        return cast(Noise, list(noise)[part])
    return [layer if len(layer) == 1 else layer[part] for layer in cast(Sequence[Tensor], noise)]


def frames_of(generator: Generator, edited: EditedFaces, count: int) -> list[Codes]:
    """Codes for the frames of a video: those of the steps, or with a single step a straight line to the result."""
    path = edited.path
    if len(path) > 1:
        return [path[round(i * (len(path) - 1) / (count - 1))] for i in range(count)]
    return [partway(generator, edited.w_plus, path[-1], i / (count - 1)) for i in range(count)]

"""Edits as objects: the difference between edited and original codes, which can be saved, scaled, mixed and applied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inst.errors import InputError, ModelError
from inst.files import read_safetensors, write_safetensors
from inst.gan.checkpoints.fingerprint import fingerprint
from inst.gan.codes import Codes
from inst.gan.generator import Generator
from inst.gan.latent_space import check_layers
from inst.shapes import WPlus

METADATA = "inst.edit"
_MAX_BYTES = 2**30


@dataclass(frozen=True)
class Edit:
    """An edit, as what it adds to latent codes.

    Attributes:
        offsets: one (b, k, d) tensor in W+, or a (b, C) tensor for each style of StyleSpace.
        metadata: the text, the method and other settings of the edit, JSON data.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> w = faces.sample(seed=7)
    >>> edit = faces.edit_between(w, faces.edit(w, "a face with blue hair"))
    >>> pictures = faces.synthesize(faces.apply(w, edit.scaled(0.5)))
    """

    offsets: Codes
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_w_plus(self) -> bool:
        """Whether the edit changes W+ codes; the others change StyleSpace."""
        return len(self.offsets) == 1 and self.offsets[0].ndim == 3

    def scaled(self, strength: float) -> Edit:
        """The edit times a factor: 0 is no edit, negative the opposite one."""
        return Edit([strength * offset for offset in self.offsets], self.metadata)

    def save(self, path: str | Path) -> None:
        """Write it as a ``.safetensors`` file, which `load_edit` reads.

        Raises:
            InputError: it cannot be written.
        """
        save_edit(Path(path), self)


def edit_between(
    generator: Generator, w_plus: WPlus, edited: Sequence[Tensor], *, own: str | None = None, **metadata: Any
) -> Edit:
    """The edit that leads from W+ codes to edited codes.

    Args:
        edited: in W+ or StyleSpace.
        own: the generator's fingerprint; computed where it is not given.
        metadata: of the edit, such as its text and method.
    """
    before = _same_space(generator, w_plus, edited)
    offsets = [(new - old).detach() for new, old in zip(edited, before, strict=True)]
    return Edit(offsets, metadata | {"generator": own or fingerprint(generator.state_dict())})


def partway(generator: Generator, w_plus: WPlus, edited: Sequence[Tensor], strength: float) -> Codes:
    """Codes on the straight line from W+ codes to edited codes: strength 0 is the start, 1 the edit.

    The same as applying a scaled edit, without recording metadata or computing the generator's fingerprint.
    """
    before = _same_space(generator, w_plus, edited)
    return [old + strength * (new - old).detach() for new, old in zip(edited, before, strict=True)]


def _same_space(generator: Generator, w_plus: WPlus, edited: Sequence[Tensor]) -> Codes:
    """The original codes in the space of the edited ones."""
    return [generator.to_w_plus(w_plus)] if edited[0].ndim == 3 else generator.styles(w_plus)


def apply_edits(generator: Generator, w_plus: WPlus, edits: Sequence[Edit]) -> Codes:
    """Apply several edits: first those in W+, then those in StyleSpace to the styles of the result.

    An edit with one row, or as many rows as there are codes, is applied row by row; of any other the mean is applied.

    Raises:
        ModelError: an edit for a generator of other sizes. Whether it belongs to this very generator is checked by
            `check_edit`.
    """
    for edit in edits:
        check_sizes(edit, generator)
    w_plus = generator.to_w_plus(w_plus)
    for edit in edits:
        if edit.in_w_plus:
            w_plus = w_plus + _rows(edit.offsets[0], len(w_plus)).to(w_plus)
    in_styles = [edit for edit in edits if not edit.in_w_plus]
    if not in_styles:
        return [w_plus]
    styles = generator.styles(w_plus)
    for edit in in_styles:
        offsets = (_rows(offset, len(w_plus)) for offset in edit.offsets)
        styles = [style + offset.to(style) for style, offset in zip(styles, offsets, strict=True)]
    return styles


def _rows(offset: Tensor, count: int) -> Tensor:
    return offset if len(offset) in (1, count) else offset.mean(0, keepdim=True)


def check_edit(edit: Edit, generator: Generator, source: str = "the edit", *, own: str | None = None) -> None:
    """Check that an edit fits a generator: its sizes and, where the edit records it, the generator's fingerprint.

    Args:
        source: names the edit in the error.
        own: the generator's fingerprint; computed where it is not given.

    Raises:
        ModelError: it was made with another generator.
    """
    check_sizes(edit, generator, source)
    made_with = edit.metadata.get("generator")
    if made_with and made_with != (own or fingerprint(generator.state_dict())):
        raise ModelError(f"{source} was made with another generator of this size: give that one (--generator)")


def check_sizes(edit: Edit, generator: Generator, source: str = "the edit") -> None:
    """Check that an edit's sizes match a generator's.

    Raises:
        ModelError: they do not.
    """
    config, remedy = generator.config, "give the generator it was made with"
    if edit.in_w_plus:
        check_layers(edit.offsets[0].shape[1:], config, f"{source} changes codes of", remedy)
    elif tuple(offset.shape[1] for offset in edit.offsets) != config.style_widths:
        raise ModelError(
            f"{source} changes {len(edit.offsets)} styles, and this {config.resolution} px generator has "
            f"{len(config.style_widths)}: {remedy}"
        )


def save_edit(path: Path, edit: Edit) -> None:
    """Write an edit as safetensors, with the tensors ``w_plus`` or ``style.{i}``.

    Raises:
        InputError: it cannot be written.
    """
    names = ["w_plus"] if edit.in_w_plus else [f"style.{i}" for i in range(len(edit.offsets))]
    tensors = {name: offset.float() for name, offset in zip(names, edit.offsets, strict=True)}
    write_safetensors(path, tensors, {METADATA: json.dumps(dict(edit.metadata), ensure_ascii=False)})


def load_edit(path: str | Path) -> Edit:
    """Read an edit that `Edit.save` or ``inst edit --save-edit`` wrote.

    Raises:
        InputError: the file is missing or damaged, or holds no edit.

    >>> import inst, tempfile, torch
    >>> path = f"{tempfile.mkdtemp()}/smile.safetensors"
    >>> inst.Edit([torch.ones(1, 8, 64)], {"text": "a smile"}).save(path)
    >>> inst.load_edit(path).metadata["text"]
    'a smile'
    """
    path = Path(path)
    tensors, header = read_safetensors(path, max_bytes=_MAX_BYTES)
    try:
        metadata = json.loads(header[METADATA])
        offsets = [tensors["w_plus"]] if "w_plus" in tensors else [tensors[f"style.{i}"] for i in range(len(tensors))]
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError(f"{path} holds no edit: give a file that inst edit --save-edit wrote") from error
    ndim = 3 if "w_plus" in tensors else 2
    fits = all(o.ndim == ndim and o.is_floating_point() and o.numel() for o in offsets) and isinstance(metadata, dict)
    if not fits or not all(bool(torch.isfinite(offset).all()) for offset in offsets):
        raise InputError(f"{path} holds a damaged edit (shapes, or NaN): make it again with --save-edit")
    return Edit([offset.float() for offset in offsets], metadata)

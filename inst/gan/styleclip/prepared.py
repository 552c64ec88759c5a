"""The file of prepared global directions: relevance matrix, StyleSpace statistics, and the models they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inst.errors import InputError, ModelError
from inst.files import read_safetensors, sniff, write_safetensors
from inst.gan.styleclip.directions import Relevance, read_relevance
from inst.gan.styleclip.statistics import StyleStatistics

METADATA = "inst.directions"


@dataclass(frozen=True)
class Prepared:
    """A relevance matrix together with the statistics and models it was computed from.

    Attributes:
        relevance: the relevance matrix.
        statistics: statistics of the generator; ``None`` for the published ``fs3.npy``, which has a separate file for
            them.
        probe: `editor.clip_probe` of the CLIP; ``None`` if it is not recorded.
        metadata: ``generator`` (fingerprint), ``clip`` (name) and the settings.
    """

    relevance: Relevance
    statistics: StyleStatistics | None = None
    probe: Tensor | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write it as a ``.safetensors`` file for ``inst edit --directions``.

        Raises:
            InputError: it cannot be written.
        """
        write_prepared(Path(path), self)


def write_prepared(path: Path, prepared: Prepared) -> None:
    """Writes safetensors with ``relevance``, ``mean.{i}``, ``std.{i}`` and ``clip_probe``.

    Raises:
        InputError: the file cannot be written.
    """
    tensors = {"relevance": prepared.relevance.float()}
    if prepared.statistics is not None:
        tensors |= {f"mean.{i}": mean for i, mean in enumerate(prepared.statistics.means)}
        tensors |= {f"std.{i}": std for i, std in enumerate(prepared.statistics.stds)}
    if prepared.probe is not None:
        tensors["clip_probe"] = prepared.probe
    write_safetensors(path, tensors, {METADATA: json.dumps(dict(prepared.metadata), ensure_ascii=False)})


def read_prepared(path: Path) -> Prepared:
    """Reads a file written by `write_prepared`, or the published ``fs3.npy``.

    Raises:
        InputError: the file is missing, unsafe or damaged.
        ModelError: the file is of another kind.
    """
    if sniff(path) != "safetensors":
        return Prepared(read_relevance(path))
    tensors, header = read_safetensors(path)
    relevance = tensors.get("relevance")
    if METADATA not in header or relevance is None or relevance.ndim != 2:
        raise ModelError(
            f"{path} holds no relevance matrix: give a file written by inst directions prepare, or StyleCLIP's fs3.npy"
        )
    try:
        metadata = json.loads(header[METADATA])
        count = sum(name.startswith("mean.") for name in tensors)
        statistics = StyleStatistics(*([tensors[f"{k}.{i}"].float() for i in range(count)] for k in ("mean", "std")))
    except (ValueError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is damaged: create it again with inst directions prepare") from error
    if not isinstance(metadata, dict) or not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise InputError(f"{path} is damaged: create it again with inst directions prepare")
    return Prepared(relevance.float(), statistics if count else None, tensors.get("clip_probe"), metadata)

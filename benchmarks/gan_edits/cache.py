"""Measurements of `benchmarks.gan_edits` in a file each, so that a run of hours can be stopped and resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.gan_edits.scores import EditScores
from inst.files import read_safetensors, write_safetensors
from inst.names import safe_name
from inst.shapes import Image


@dataclass(frozen=True)
class MeasurementCache:
    """A folder of measurements.

    Attributes:
        identity: hash of everything that a measurement depends on; it is part of the file names.
        resume: use existing measurements; otherwise everything is measured again.
    """

    folder: Path
    identity: str
    resume: bool

    def read(self, method: str, name: str) -> tuple[EditScores, Image] | None:
        """Scores and the first edited images; ``None`` if there are none or they should not be used."""
        path = self._path(method, name)
        if not (self.resume and path.exists()):
            return None
        tensors, metadata = read_safetensors(path)
        return EditScores(**json.loads(metadata["scores"])), tensors["images"]

    def write(self, method: str, name: str, scores: EditScores, images: Image) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        metadata = {"scores": json.dumps(asdict(scores))}
        write_safetensors(self._path(method, name), {"images": images.float().cpu().contiguous()}, metadata)

    def _path(self, method: str, name: str) -> Path:
        return self.folder / f"{safe_name(method)}-{safe_name(name)}-{self.identity[:12]}.safetensors"

"""Measurements of `benchmarks.gan_edits` as they come, a file each: what takes hours may be stopped and resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.gan_edits.counts import Counts
from inst.commands.common.outputs import safe_name
from inst.files import read_safetensors, write_safetensors
from inst.shapes import Image


@dataclass(frozen=True)
class Kept:
    """A folder of measurements.

    Attributes:
        identity: a hash of all that they depend on; those of another one are other files.
        resume: take what is there; otherwise everything is measured anew.
    """

    folder: Path
    identity: str
    resume: bool

    def read(self, method: str, name: str) -> tuple[Counts, Image] | None:
        """Counts and the first pictures; nothing where they are not there or not wanted."""
        path = self._path(method, name)
        if not (self.resume and path.exists()):
            return None
        tensors, metadata = read_safetensors(path)
        return Counts(**json.loads(metadata["counts"])), tensors["pictures"]

    def write(self, method: str, name: str, counts: Counts, pictures: Image) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        metadata = {"counts": json.dumps(asdict(counts))}
        write_safetensors(self._path(method, name), {"pictures": pictures.float().cpu().contiguous()}, metadata)

    def _path(self, method: str, name: str) -> Path:
        return self.folder / f"{safe_name(method)}-{safe_name(name)}-{self.identity[:12]}.safetensors"

"""What ``inst edit`` writes: pictures with the settings that made them, the edit itself, and a video of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from inst.commands.common.progress import say
from inst.commands.common.record import Record, a1111_parameters, to_json
from inst.commands.common.video import write_video
from inst.commands.faces.edit_job import EditJob
from inst.gan.edits import Edit
from inst.image import Picture, resize, side_by_side, write_image
from inst.pipelines.faces.editing import EditedFaces, FaceEdit, frames_of, render
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image

MAX_VIDEO_SIDE = 512
STORED = (
    "text", "neutral", "method", "truncation", "strength", "steps", "learning_rate", "l2", "identity_weight",
    "pixel_weight", "jitter", "space", "alpha", "beta", "clip",
)  # fmt: skip
"""Options that a picture carries, beside ``seed``, ``random`` and where the face came from."""
_SAMPLERS = {
    "optimize": "StyleCLIP optimization",
    "mapper": "StyleCLIP mapper",
    "directions": "StyleCLIP global directions",
    "ffclip": "FFCLIP",
    "edits": "saved edits",
}


class EditResults:
    """Writes the results of one job, and keeps what its edit and video need until the end."""

    def __init__(self, job: EditJob, session: FaceSession, edit: FaceEdit) -> None:
        self.job, self.session, self.edit = job, session, edit
        self._edits: list[Edit] = []
        self._videos: list[list[Image]] = []

    def keep(self, edited: EditedFaces) -> None:
        """Remember edited faces for ``--save-edit`` and ``--video``."""
        job, generator = self.job, self.session.generator
        if job.save_edit is not None:
            text = job.text or ""
            self._edits.append(self.session.edit_between(edited.w_plus, edited.path[-1], method=job.method, text=text))
        if job.video is not None:
            with torch.no_grad():
                frames = frames_of(generator, edited, job.frames)
                self._videos.append([_small(render(generator, frame, edited.noise)) for frame in frames])

    def write(self, output: Path, image: Image, seed: int, photo: Picture | None = None) -> None:
        """Write a picture with its settings."""
        text = None
        if self.job.metadata:
            record = self._record(image, seed, photo)
            text = {"parameters": a1111_parameters(record), "inst": to_json(record)}
        write_image(output, image, text=text)

    def finish(self) -> None:
        """Write the edit and the video, where they are wanted and a face was edited."""
        job = self.job
        if job.save_edit is not None and self._edits:
            rows = [torch.cat(parts) for parts in zip(*(edit.offsets for edit in self._edits), strict=True)]
            Edit(rows, self._edits[0].metadata).save(job.save_edit)
            say(f"{job.save_edit}: --edits {job.save_edit} applies this edit to other faces")
        if job.video is not None and self._videos:
            write_video(job.video, [side_by_side(list(row)) for row in zip(*self._videos, strict=True)])
            say(str(job.video))

    def _record(self, image: Image, seed: int, photo: Picture | None) -> Record:
        job, settings = self.job, self.job.settings
        by_directions = job.method == "directions"
        factor = settings.alpha if by_directions and settings.alpha is not None else settings.strength
        return Record(
            prompt=job.text or self._text_of_edits(),
            negative_prompt=(settings.neutral or "") if by_directions else "",
            steps=self.edit.num_steps,
            sampler=_SAMPLERS[job.method],
            cfg_scale=float(factor),
            seed=seed,
            width=image.shape[3],
            height=image.shape[2],
            model=self.session.generator_name,
            model_hash=self.session.fingerprint,
            settings={"edit": self._stored(seed)} | ({} if photo is None else {"content_sha256": photo.sha256}),
        )

    def _stored(self, seed: int) -> dict[str, Any]:
        job = self.job
        if job.method == "edits":
            return {"edits": [path.name for path, _ in job.edits], "strength": job.settings.strength}
        own = {"text": job.text, "method": job.method, "truncation": job.truncation, "clip": self.session.clip_name}
        stored = {name: own[name] if name in own else getattr(job.settings, name) for name in STORED}
        source = "example" if job.embedded_latents else job.source
        return stored | {"seed": seed, "random": 1 if job.random else 0, "source": source}

    def _text_of_edits(self) -> str:
        texts = [str(edit.metadata.get("text", "")) for edit in self.edit.edits]
        return ", ".join(text for text in texts if text)


def _small(image: Image) -> Image:
    side = min(image.shape[-1], MAX_VIDEO_SIDE)
    return resize(image, side, side)

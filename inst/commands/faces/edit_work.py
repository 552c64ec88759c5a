"""Editing face by face: codes found, edited, drawn, put back, recorded; what all faces of a run share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from inst.assets import AVATARS
from inst.commands.common.progress import say
from inst.commands.common.record import Record, a1111_parameters, to_json
from inst.commands.common.video import write_video
from inst.commands.faces.edit_options import Source, split_weight
from inst.commands.faces.options import EditRun
from inst.gan.codes import Codes
from inst.gan.editor import Editor, OptimizeEditor, synthesis_fn
from inst.gan.edits import Edit, apply_edits, edit_between, partway, save_edit
from inst.gan.generator import Noise
from inst.image import Picture, resize, side_by_side, write_image
from inst.pipelines.faces.inversion import invert_settings, without_clip
from inst.pipelines.faces.session import FaceSession
from inst.shapes import Image, WPlus

MAX_VIDEO_SIDE = 512
REMEMBERED = (
    "text", "neutral", "method", "truncation", "strength", "steps", "learning_rate", "l2", "identity_weight",
    "pixel_weight", "jitter", "space", "alpha", "beta", "clip",
)  # fmt: skip
"""Settings that a picture carries; ``seed``, ``random`` and where the face came from beside them."""
_SAMPLERS = {
    "optimize": "StyleCLIP optimization",
    "mapper": "StyleCLIP mapper",
    "directions": "StyleCLIP global directions",
    "ffclip": "FFCLIP",
    "edits": "saved edits",
}


@dataclass
class EditWork:
    """What all faces of a run share.

    Attributes:
        source: where the faces come from.
        editor: of the text, or ``None`` where saved ``edits`` are made.
        made: the edits of the faces so far.
        films: for each face the pictures on its way, small.
    """

    session: FaceSession
    run: EditRun
    source: Source
    method: str
    editor: Editor | None
    edits: Sequence[Edit]

    def __post_init__(self) -> None:
        self.made: list[Edit] = []
        self.films: list[list[Image]] = []
        self.invert = invert_settings(self.run)
        if self.method in ("mapper", "edits"):
            self.invert = without_clip(self.invert)

    @property
    def ticks(self) -> int:
        """Of the bar for a face."""
        steps = 1 if self.editor is None else self.editor.num_steps
        return steps + (self.invert.steps if self.source == "photos" else 0)

    def edit_codes(self, w_plus: WPlus, noise: Noise, tick: Callable[[], object]) -> Image:
        """The edited pictures on the CPU, in [-1, 1]."""
        generator = self.session.generator
        path = list(self._way(w_plus, noise, tick))
        codes = path[-1]
        with torch.no_grad():
            draw = synthesis_fn(generator, noise)
            image = draw(codes).clamp(-1, 1).cpu()
            if self.run.save_edit is not None:
                metadata = {"method": self.method, "text": self.run.text or ""}
                self.made.append(edit_between(generator, w_plus, codes, own=self.session.fingerprint, **metadata))
            if self.run.video is not None:
                frames = self._frames(w_plus, path)
                self.films.append([_small(draw(frame)) for frame in frames])
            return image

    def _way(self, w_plus: WPlus, noise: Noise, tick: Callable[[], object]) -> Iterator[Codes]:
        """The codes after each step, ``strength`` of the way."""
        generator, strength = self.session.generator, self.run.strength
        if self.editor is None:
            with torch.no_grad():
                yield apply_edits(generator, w_plus, self.edits)
            tick()
            return
        editor = replace(self.editor, noise=noise) if isinstance(self.editor, OptimizeEditor) else self.editor
        for codes in editor.steps(w_plus, self.run.text or ""):
            if strength != 1:
                with torch.no_grad():
                    codes = partway(generator, w_plus, codes, strength)
            tick()
            yield codes

    def _frames(self, w_plus: WPlus, path: Sequence[Codes]) -> list[Codes]:
        """Codes along the way: those of the steps, or where there is one step a straight line to it."""
        count = self.run.frames
        if len(path) > 1:
            return [path[round(i * (len(path) - 1) / (count - 1))] for i in range(count)]
        return [partway(self.session.generator, w_plus, path[-1], i / (count - 1)) for i in range(count)]

    def write(self, output: Path, image: Image, seed: int, photo: Picture | None = None) -> None:
        """A picture with its settings."""
        text = None
        if self.run.metadata:
            record = self._record(image, seed, photo)
            text = {"parameters": a1111_parameters(record), "inst": to_json(record)}
        write_image(output, image, text=text)

    def _record(self, image: Image, seed: int, photo: Picture | None) -> Record:
        run = self.run
        remembered: dict[str, Any] = {name: getattr(run, name) for name in REMEMBERED}
        remembered |= {
            "clip": self.session.clip_name,
            "method": self.method,
            "seed": seed,
            "random": 1 if run.random else 0,
            "source": self.source if run.latents != AVATARS else "example",
        }
        if self.method == "edits":
            remembered = {"edits": [Path(split_weight(spec)[0]).name for spec in run.edits], "strength": run.strength}
        far = run.alpha if self.method == "directions" and run.alpha is not None else run.strength
        return Record(
            prompt=run.text or self._known_text(),
            negative_prompt=(run.neutral or "") if self.method == "directions" else "",
            steps=1 if self.editor is None else self.editor.num_steps,
            sampler=_SAMPLERS[self.method],
            cfg_scale=float(far),
            seed=seed,
            width=image.shape[3],
            height=image.shape[2],
            model=self.session.generator_name,
            model_hash=self.session.fingerprint,
            settings={"edit": remembered} | ({} if photo is None else {"content_sha256": photo.sha256}),
        )

    def _known_text(self) -> str:
        texts = [str(edit.metadata.get("text", "")) for edit in self.edits]
        return ", ".join(text for text in texts if text)

    def finish(self) -> None:
        """Write the saved edit and the film, where they are wanted and a face was edited."""
        if self.run.save_edit is not None and self.made:
            rows = [torch.cat(parts) for parts in zip(*(edit.offsets for edit in self.made), strict=True)]
            save_edit(Path(self.run.save_edit), Edit(rows, self.made[0].metadata))
            say(f"{self.run.save_edit}: --edits {self.run.save_edit} makes this edit on other faces")
        if self.run.video is not None and self.films:
            write_video(Path(self.run.video), [side_by_side(list(row)) for row in zip(*self.films, strict=True)])
            say(self.run.video)


def _small(image: Image) -> Image:
    side = min(image.shape[-1], MAX_VIDEO_SIDE)
    return resize(image.clamp(-1, 1), side, side).cpu()

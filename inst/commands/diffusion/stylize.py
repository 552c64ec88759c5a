"""``inst stylize``: inputs checked first, then one bar over all photos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import plan_outputs, report_failures, safe_name
from inst.commands.common.progress import bar, say, warn, watch
from inst.commands.common.record import to_json
from inst.commands.diffusion.options import StylizeRun
from inst.commands.diffusion.picture_record import photo_record, texts
from inst.commands.diffusion.styles import parse_spec
from inst.commands.diffusion.used_styles import UsedStyle, use_styles
from inst.errors import InputError, InstError
from inst.files import read_json, write_json
from inst.image import Picture, read_image, write_image
from inst.pipelines.compose import compose, tone_share, transport_share
from inst.pipelines.session import Session
from inst.stylize.photo import PhotoSettings, Style, stylize


def find_contents(paths: Sequence[str]) -> list[Path]:
    """The photos named, and those in the folders named.

    Raises:
        InputError: a path that is not there, a folder without pictures, or nothing at all.
    """
    found = find_photos(paths, "--content")
    if not found:
        raise InputError("no photo was given: --content photo.jpg (or --prompt for a picture from text)")
    return found


def stylize_photos(run: StylizeRun) -> int:
    """``inst stylize``. Returns the exit code: 2 when a photo of several could not be used."""
    specs = [parse_spec(text) for text in run.style]
    contents = find_contents(run.content)
    session = Session(run)
    # A single photo that cannot be read is found before anything is loaded; a folder's are read when their turn comes.
    opened = {path: read_image(path, max_megapixels=run.max_megapixels) for path in contents if len(contents) == 1}
    style_name = safe_name("-".join(spec.path.stem for spec in specs)) if specs else "stylized"
    outputs = plan_outputs(contents, run, style_name)
    styles = use_styles(session, specs, run, run.style_image)
    work = PhotoWork(session, run, styles, compose(session, styles, run), photo_settings(session, run))
    failures: dict[Path, str] = {}
    written: list[dict[str, Any]] = []
    with bar(work.steps * len(contents), "stylizing") as progress:
        for batch in work.batches(contents, opened, failures):
            try:
                written += work.stylize(batch, outputs, progress)
            except InstError as error:
                failures |= {photo.path: str(error) for photo in batch}
            progress.update(work.steps * (batch[-1].position + 1) - progress.n)
    if len(contents) > 1 and written:
        _write_batch_record(outputs[contents[0]].parent / "inst.json", written)
    for path in contents:
        if path not in failures:
            say(str(outputs[path]))
    return report_failures(failures, len(contents))


@dataclass(frozen=True)
class Photo:
    """A photo that was read, and its place among the run's."""

    position: int
    path: Path
    picture: Picture


@dataclass(frozen=True)
class PhotoWork:
    """What all photos of a run share."""

    session: Session
    run: StylizeRun
    styles: Sequence[UsedStyle]
    style: Style
    settings: PhotoSettings

    @property
    def steps(self) -> int:
        """Ticks of the bar for a photo: its denoising steps and its decoding."""
        s = self.settings
        return 1 + (max(1, int(s.strength * s.num_steps + 1e-9)) if s.strength else 0)

    def batches(
        self, paths: Sequence[Path], opened: Mapping[Path, Picture], failures: dict[Path, str]
    ) -> Iterator[list[Photo]]:
        """Photos to compute at once: neighbours of one size; the unreadable go to ``failures``."""
        batch: list[Photo] = []
        for position, path in enumerate(paths):
            try:
                picture = opened.get(path) or read_image(path, max_megapixels=self.run.max_megapixels)
            except InstError as error:
                failures[path] = str(error)
                continue
            # The j-th of a batch takes the first one's seed + j, so a batch has no gaps.
            follows = batch and batch[-1].position + 1 == position
            if batch and not (follows and batch[0].picture.image.shape == picture.image.shape):
                yield batch
                batch = []
            batch.append(Photo(position, path, picture))
            if len(batch) == self.run.batch_size:
                yield batch
                batch = []
        if batch:
            yield batch

    def stylize(self, batch: Sequence[Photo], outputs: Mapping[Path, Path], progress: tqdm) -> list[dict[str, Any]]:
        """Compute and write a batch; returns what the run's record says of each."""
        for photo in batch:
            for note in photo.picture.notes:
                warn(f"{photo.path.name}: {note}")
        settings = replace(self.settings, seed=self.settings.seed + batch[0].position)
        contents = torch.cat([photo.picture.image for photo in batch])
        results = watch(stylize(self.session.model, contents, self.style, settings), progress, len(batch))
        metadata = []
        for j, photo in enumerate(batch):
            result, output = results[j : j + 1], outputs[photo.path]
            own = replace(settings, seed=settings.seed + j)
            record = photo_record(self.session, self.run, self.styles, own, result, photo.picture)
            write_image(output, result, text=texts(record) if self.run.metadata else None)
            metadata.append(json.loads(to_json(record)) | {"file": output.name, "content": photo.path.name})
        return metadata


def photo_settings(session: Session, run: StylizeRun) -> PhotoSettings:
    """The run's settings, with the model's defaults where it says nothing."""
    defaults = session.model.defaults
    return PhotoSettings(
        strength=defaults.strength if run.strength is None else run.strength,
        num_steps=run.num_steps or defaults.num_steps,
        guidance_scale=defaults.guidance_scale if run.guidance_scale is None else run.guidance_scale,
        seed=run.seed,
        sampler=run.sampler,
        tone=tone_share(session, run),
        transport=transport_share(session, run),
        keep_colors=run.keep_colors,
        inversion=run.inversion,
        resolution=run.resolution or defaults.resolution,
    )


def _write_batch_record(path: Path, written: list[dict[str, Any]]) -> None:
    """One record for a folder; pictures of an earlier batch that still lie there keep theirs."""
    before = read_json(path).get("pictures", []) if path.is_file() else []
    new = {row["file"] for row in written}
    kept = [row for row in before if row["file"] not in new and (path.parent / row["file"]).is_file()]
    write_json(path, {"pictures": kept + written})

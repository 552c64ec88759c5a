"""``inst stylize``: options are checked first, then photos are stylized in batches under one progress bar."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from inst.commands.common.claims import Claims
from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import plan_outputs, report_failures
from inst.commands.common.progress import bar, say
from inst.commands.common.record import to_json
from inst.commands.diffusion.open import open_session
from inst.commands.diffusion.options import StylizeOptions
from inst.commands.diffusion.picture_record import photo_record, texts
from inst.commands.diffusion.styles import StyleSpec, parse_spec, use_styles
from inst.errors import InputError, InstError
from inst.files import read_json, write_json
from inst.image import Picture, read_image, write_image
from inst.names import safe_name
from inst.options import values_of
from inst.pipelines.style_transfer import Stylizer
from inst.transfer.settings import StylizeSettings


def stylize(options: StylizeOptions) -> int:
    """``inst stylize``.

    Returns:
        The exit code.

    Raises:
        InputError: photos that could not be used; the others are written.
    """
    specs = [parse_spec(text) for text in options.style]
    photos = find_photos(options.content, "--content")
    if not photos:
        raise InputError("no photo was given: inst stylize photo.jpg (or --prompt for a picture from text)")
    with Claims([*photos, *(spec.path for spec in specs)], overwrite=options.overwrite) as claims:
        return _stylize(options, specs, photos, claims)


def _stylize(options: StylizeOptions, specs: Sequence[StyleSpec], photos: Sequence[Path], claims: Claims) -> int:
    session = open_session(options)
    # A single photo that cannot be read is found before anything is loaded; a folder's are read when their turn comes.
    opened = {path: read_image(path, max_megapixels=options.max_megapixels) for path in photos if len(photos) == 1}
    style_name = safe_name("-".join(spec.path.stem for spec in specs)) if specs else "stylized"
    outputs = plan_outputs(photos, options, style_name, claims)
    styles = use_styles(session, specs, options, options.style_image)
    stylizer = Stylizer(styles, session, **values_of(options, StylizeSettings))
    failures: dict[Path, str] = {}
    written: list[dict[str, Any]] = []
    with bar(stylizer.steps_per_photo * len(photos), "stylizing") as progress:
        for batch in _batches(photos, opened, options, failures):
            try:
                written += _stylize_batch(stylizer, batch, outputs, options, progress)
            except InstError as error:
                failures |= {photo.path: str(error) for photo in batch}
            progress.update(stylizer.steps_per_photo * (batch[-1].position + 1) - progress.n)
    if len(photos) > 1 and written:
        _write_batch_record(outputs[photos[0]].parent / "inst.json", written)
    for path in photos:
        if path not in failures:
            say(str(outputs[path]))
    return report_failures(failures, len(photos))


@dataclass(frozen=True)
class Photo:
    """A photo that was read, and its place among the run's."""

    position: int
    path: Path
    picture: Picture


def _batches(
    paths: Sequence[Path], opened: Mapping[Path, Picture], options: StylizeOptions, failures: dict[Path, str]
) -> Iterator[list[Photo]]:
    """Photos to compute at once: neighbours of one size; those that cannot be read go to ``failures``."""
    batch: list[Photo] = []
    for position, path in enumerate(paths):
        try:
            picture = opened.get(path) or read_image(path, max_megapixels=options.max_megapixels)
        except InstError as error:
            failures[path] = str(error)
            continue
        # The j-th of a batch takes the first one's seed + j, so a batch has no gaps.
        follows = batch and batch[-1].position + 1 == position
        if batch and not (follows and batch[0].picture.image.shape == picture.image.shape):
            yield batch
            batch = []
        batch.append(Photo(position, path, picture))
        if len(batch) == options.batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


def _stylize_batch(
    stylizer: Stylizer, batch: Sequence[Photo], outputs: Mapping[Path, Path], options: StylizeOptions, progress: tqdm
) -> list[dict[str, Any]]:
    """Compute and write a batch; returns what the run's record says of each picture."""
    results = None
    for step in stylizer.steps([photo.picture for photo in batch], position=batch[0].position):
        progress.update(len(batch))
        results = step.tensor
    assert results is not None
    rows = []
    for photo, result in zip(batch, results.split(1), strict=True):
        settings = replace(stylizer.settings, seed=stylizer.settings.seed + photo.position)
        record = photo_record(stylizer, settings, result, photo.picture)
        write_image(outputs[photo.path], result, text=texts(record) if options.metadata else None)
        rows.append(json.loads(to_json(record)) | {"file": outputs[photo.path].name, "content": photo.path.name})
    return rows


def _write_batch_record(path: Path, written: list[dict[str, Any]]) -> None:
    """One record for a folder; pictures of an earlier batch that are still there keep theirs."""
    before = read_json(path).get("pictures", []) if path.is_file() else []
    new = {row["file"] for row in written}
    kept = [row for row in before if row["file"] not in new and (path.parent / row["file"]).is_file()]
    write_json(path, {"pictures": kept + written})

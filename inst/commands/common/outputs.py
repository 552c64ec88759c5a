"""Where results go: nothing that is there is written over unless that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from inst.commands.common.progress import warn
from inst.errors import InputError
from inst.files.names import safe_name

OUTPUTS = Path("outputs")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def free_path(path: Path) -> Path:
    """The path, or the next with a number that is not taken: ``photo-2.png``."""
    number, candidate = 2, path
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return candidate


def claim(path: Path, overwrite: bool) -> Path:
    """A path that was named by the user and may be written.

    Raises:
        InputError: something is there already.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} is there already: give another --output, or --overwrite to replace it")
    return path


@runtime_checkable
class OutputOptions(Protocol):
    """What a run says of its results' place."""

    @property
    def output(self) -> str | None: ...
    @property
    def format(self) -> str: ...
    @property
    def overwrite(self) -> bool: ...


def plan_outputs(photos: Sequence[Path], run: OutputOptions, made: str) -> dict[Path, Path]:
    """Where each photo's result goes.

    Args:
        made: what is made of them, for the names of results whose place is not given.

    Raises:
        InputError: an output that is there already, or a file for several photos.
    """
    if run.output is None:
        names = (OUTPUTS / f"{safe_name(path.stem)}-{made}.{run.format}" for path in photos)
        return dict(zip(photos, distinct(names, overwrite=run.overwrite), strict=True))
    target = Path(run.output)
    if is_picture_path(target):
        if len(photos) > 1:
            raise InputError(f"--output {target} is one file and there are {len(photos)} photos: give a folder")
        return {photos[0]: claim(target, run.overwrite)}
    planned: dict[Path, Path] = {}
    for path in photos:
        output = target / f"{path.stem}.{run.format}"
        if output in planned.values():
            output = target / f"{path.stem}{path.suffix.replace('.', '_')}.{run.format}"
        planned[path] = claim(output, run.overwrite)
    return planned


def plan_numbered(count: int, run: OutputOptions, names: Iterable[str]) -> list[Path]:
    """Where pictures go that come from no photo.

    Args:
        names: one each, without an ending, for those whose place is a folder or not given.

    Raises:
        InputError: an output that is there already.
    """
    if run.output is not None and is_picture_path(target := Path(run.output)):
        if count == 1:
            return [claim(target, run.overwrite)]
        return [claim(target.with_name(f"{target.stem}-{i + 1}{target.suffix}"), run.overwrite) for i in range(count)]
    folder = OUTPUTS if run.output is None else Path(run.output)
    return list(distinct((folder / f"{name}.{run.format}" for name in names), overwrite=run.overwrite))


def distinct(paths: Iterable[Path], *, overwrite: bool) -> Iterator[Path]:
    """The paths, or the next with a number: none twice, and without ``overwrite`` none that is there."""
    taken: set[Path] = set()
    for path in paths:
        candidate, number = path if overwrite else free_path(path), 2
        while candidate in taken:
            candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
            number += 1
        taken.add(candidate)
        yield candidate


def report_failures(failures: Mapping[Path, str], total: int) -> int:
    """The exit code of a run over several photos.

    Raises:
        InputError: some could not be used; each has its line before.
    """
    if not failures:
        return 0
    for error in failures.values():
        warn(error)
    raise InputError(
        f"{len(failures)} of {total} photos could not be used: {', '.join(path.name for path in failures)}"
    )


def is_picture_path(path: Path) -> bool:
    """Whether an --output names a picture; anything else names a folder.

    Raises:
        InputError: a file ending that no picture has.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES and not path.is_dir():
        return True
    if suffix and not path.is_dir() and re.fullmatch(r"\.[a-z]{2,5}", suffix):
        raise InputError(f"--output {path} ends in {suffix}: give a folder, or a file ending in .png, .jpg or .webp")
    return False

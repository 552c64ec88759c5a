"""Where results go. Every output is claimed (`inst.commands.common.claims`) before the work begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from inst.commands.common.claims import Claims
from inst.commands.common.progress import warn
from inst.errors import InputError
from inst.names import safe_name, shortened

OUTPUTS = Path("outputs")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@runtime_checkable
class OutputOptions(Protocol):
    """The options that say where results go."""

    @property
    def output(self) -> str | None: ...
    @property
    def format(self) -> str: ...
    @property
    def overwrite(self) -> bool: ...


def plan_outputs(photos: Sequence[Path], options: OutputOptions, made: str, claims: Claims) -> dict[Path, Path]:
    """Where each photo's result goes: distinct files for distinct photos, whatever their names.

    Args:
        made: what is made of them, for the names of results whose place is not given.

    Raises:
        InputError: an output that is there already or cannot be written, or one file for several photos.
    """
    if options.output is None:
        return {path: claims.free(OUTPUTS / f"{safe_name(path.stem)}-{made}.{options.format}") for path in photos}
    target = Path(options.output)
    if is_picture_path(target):
        if len(photos) > 1:
            raise InputError(f"--output {target} is one file and there are {len(photos)} photos: give a folder")
        return {photos[0]: claims.exact(target)}
    return {path: _in_folder(target, path, options.format, claims) for path in photos}


def _in_folder(folder: Path, photo: Path, ending: str, claims: Claims) -> Path:
    """The photo's own name in the folder; where another photo of this run has it, one that tells them apart."""
    own = folder / shortened(f"{photo.stem}.{ending}")
    if not claims.has(own):
        return claims.exact(own)
    return claims.free(folder / shortened(f"{photo.stem}{photo.suffix.replace('.', '_')}.{ending}"))


def plan_numbered(count: int, options: OutputOptions, names: Iterable[str], claims: Claims) -> list[Path]:
    """Where pictures go that are not made from a photo.

    Args:
        names: one each, without an ending, for those whose place is a folder or not given.

    Raises:
        InputError: an output that is there already or cannot be written.
    """
    if options.output is not None and is_picture_path(target := Path(options.output)):
        if count == 1:
            return [claims.exact(target)]
        return [claims.exact(target.with_name(f"{target.stem}-{i + 1}{target.suffix}")) for i in range(count)]
    folder = OUTPUTS if options.output is None else Path(options.output)
    return [claims.free(folder / f"{name}.{options.format}") for name in names]


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

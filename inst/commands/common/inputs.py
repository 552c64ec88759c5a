"""The photos that a command is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from inst.commands.common.progress import warn
from inst.errors import InputError
from inst.files.names import is_file, is_folder
from inst.image import list_images


def find_photos(paths: Sequence[str], flag: str = "") -> list[Path]:
    """The photos that were given, and those in the folders that were given. One that is given twice is used once.

    Args:
        flag: the option they were given with, such as ``--content``, for the error message.

    Raises:
        InputError: a path that does not exist, or a folder without pictures.
    """
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if is_folder(path):
            found += list_images(path)
        elif is_file(path):
            found.append(path)
        else:
            raise InputError(f"{flag} {path} does not exist: give a photo or a folder of photos".lstrip())
    return list(_without_repeats(found))


def _without_repeats(paths: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            warn(f"{path} was given more than once: it is used once")
            continue
        seen.add(path.resolve())
        yield path

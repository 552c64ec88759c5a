"""``inst align``: faces cropped out of photos as face models expect them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inst.commands.common.claims import Claims
from inst.commands.common.inputs import find_photos
from inst.commands.common.outputs import OUTPUTS, is_picture_path, report_failures
from inst.commands.common.progress import bar, say
from inst.commands.faces.options import AlignOptions
from inst.errors import ConfigError, InputError, InstError
from inst.image import from_pil, write_image
from inst.names import safe_name
from inst.pipelines.faces.photos import align_faces, check_landmark_source, open_photo


def align(options: AlignOptions) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        InstError: an option or a photo that cannot be used; a photo of several does not stop the others.
    """
    photos = find_photos(options.photos)
    if not photos:
        raise InputError("no photo was given: inst align photo.jpg")
    with Claims(photos, overwrite=options.overwrite) as claims:
        return _align(options, photos, claims)


def _align(options: AlignOptions, photos: Sequence[Path], claims: Claims) -> int:
    single_output = _single_output(photos, options, claims)
    # a single photo that cannot be read is an error before landmarks are looked for
    single = photos if len(photos) == 1 else ()
    opened = {path: open_photo(path, max_megapixels=options.max_megapixels) for path in single}
    check_landmark_source(options.landmarks, len(photos))
    failures: dict[Path, str] = {}
    with bar(len(photos), "aligning", unit="photo") as progress:
        for path in photos:
            try:
                picture = opened.get(path) or open_photo(path, max_megapixels=options.max_megapixels)
                faces = align_faces(
                    picture,
                    size=options.size,
                    landmarks=options.landmarks,
                    face=options.face,
                    all=options.all,
                    device=options.device,
                )
                for output, face in zip(_outputs(path, len(faces), options, single_output, claims), faces, strict=True):
                    write_image(output, from_pil(face))
                    say(str(output))
            except InstError as error:
                if len(photos) == 1:
                    raise
                failures[path] = str(error)
            progress.update()
    return report_failures(failures, len(photos))


def _single_output(photos: Sequence[Path], options: AlignOptions, claims: Claims) -> Path | None:
    """The picture that --output names, or nothing where it names a folder."""
    if options.output is None or not is_picture_path(Path(options.output)):
        return None
    if len(photos) > 1:
        raise InputError(f"--output {options.output} is one file and there are {len(photos)} photos: give a folder")
    if options.all:
        raise ConfigError(f"--output {options.output} is one file and --all may find several faces: give a folder")
    return claims.exact(Path(options.output))


def _outputs(path: Path, num_faces: int, options: AlignOptions, single: Path | None, claims: Claims) -> list[Path]:
    if single is not None:
        return [single]
    folder = OUTPUTS if options.output is None else Path(options.output)
    numbers = [""] if num_faces == 1 else [f"-{i}" for i in range(num_faces)]
    return [claims.free(folder / f"{safe_name(path.stem)}-face{number}.{options.format}") for number in numbers]

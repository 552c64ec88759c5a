"""The models that come with the package, and the check that they arrived whole."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from inst.errors import InputError, ModelError

FOLDER = Path(__file__).parent
MINI = "mini"
AVATARS = "avatars"
"""The name that options take for the embedded generator, its CLIP and its examples."""


@cache
def mini_folder() -> Path:
    """The embedded miniature: a folder in diffusers' layout.

    Raises:
        ModelError: a file is missing or damaged; the sentence names it and its checksum.
    """
    return _whole(MINI, "the embedded miniature", "install inst again")


@cache
def avatars_folder() -> Path:
    """The embedded generator of drawn faces with all that editing them needs (`miniature.avatars_bundle` makes it).

    Raises:
        ModelError: there are no weights in this copy, or a file is missing or damaged.
    """
    return _whole(
        AVATARS,
        "the embedded generator of avatars",
        "give one of your own, --generator FILE (stylegan2-ffhq-config-f.pt, ffhq.pkl)",
    )


def demo_painting() -> Path:
    """The painting that ``inst demo`` learns: in a wheel beside this file, in a checkout in ``style_images/``.

    Raises:
        InputError: it is in neither place.
    """
    places = (FOLDER / "demo.jpg", FOLDER.parent.parent / "style_images" / "night.jpg")
    for path in places:
        if path.is_file():
            return path
    raise InputError("the demo's painting is not in this copy of inst: give one, --style painting.jpg")


def _whole(name: str, what: str, remedy: str) -> Path:
    """A folder beside this file; each of its files is held to its checksum in ``manifest.json``."""
    folder = FOLDER / name
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ModelError(f"{what} is not in this copy of inst (assets/{name} has no {manifest.name}): {remedy}")
    expected: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))
    for file, digest in expected.items():
        _check(folder / file, digest, what)
    return folder


def _check(path: Path, digest: str, what: str) -> None:
    if not path.is_file():
        raise ModelError(f"{what} lacks {path.name}: install inst again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise ModelError(
            f"{path.name} of {what} is damaged (SHA-256 {found[:12]}, expected {digest[:12]}): install inst again"
        )

"""The models shipped with the package, and the verification of their checksums."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from inst.errors import InputError, ModelError

FOLDER = Path(__file__).parent
MINI = "mini"
AVATARS = "avatars"
"""The option value that selects the embedded generator, its CLIP and its example faces."""
AVATAR_FILES = {
    "generator": "generator.safetensors",
    "encoder": "encoder.safetensors",
    "identity": "identity.safetensors",
    "directions": "directions.safetensors",
    "ffclip": "ffclip.safetensors",
    "latents": "examples.safetensors",
}
"""The files in `avatars_folder`, by the option for which ``avatars`` selects them."""
CLIP_FOLDER = "clip"
"""The folder of the CLIP inside the folder of an embedded model."""


@cache
def mini_folder() -> Path:
    """The folder of the embedded miniature diffusion model, in diffusers' layout.

    Raises:
        ModelError: a file is missing or damaged; the message names it and its checksum.

    >>> (mini_folder() / "model_index.json").is_file()
    True
    """
    return _verified(MINI, "the embedded miniature", "reinstall inst")


@cache
def avatars_folder() -> Path:
    """The folder of the embedded generator of cartoon faces, with everything that is needed to edit them.

    It is built by ``miniature.avatars.bundle``.

    Raises:
        ModelError: this installation does not include the weights, or a file is missing or damaged.
    """
    return _verified(
        AVATARS,
        "the embedded generator of avatars",
        "give another generator with --generator FILE (stylegan2-ffhq-config-f.pt, ffhq.pkl)",
    )


def demo_painting() -> Path:
    """The painting whose style ``inst demo`` learns.

    In an installed package it is in this folder, in a checkout of the repository in ``style_images/``.

    Raises:
        InputError: the painting is in neither of them.
    """
    candidates = (FOLDER / "demo.jpg", FOLDER.parent.parent / "style_images" / "night.jpg")
    for path in candidates:
        if path.is_file():
            return path
    raise InputError("the demo's painting is not in this installation: give one with --style painting.jpg")


def _verified(name: str, what: str, remedy: str) -> Path:
    """A folder beside this file, after checking each of its files against its SHA-256 in ``manifest.json``.

    Args:
        name: the folder's name.
        what: the subject of the error message.
        remedy: what to do if the folder is not there.
    """
    folder = FOLDER / name
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ModelError(f"{what} is not in this installation (assets/{name} has no {manifest.name}): {remedy}")
    expected: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))
    for file, digest in expected.items():
        _check(folder / file, digest, what)
    return folder


def _check(path: Path, digest: str, what: str) -> None:
    if not path.is_file():
        raise ModelError(f"{what} lacks {path.name}: reinstall inst")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise ModelError(
            f"{path.name} of {what} is damaged (SHA-256 {found[:12]}, expected {digest[:12]}): reinstall inst"
        )

"""Paintings given as ``--style``: learned once, then kept by their content and the settings."""

from __future__ import annotations

from pathlib import Path

from inst.commands.common.progress import say
from inst.commands.diffusion.learn_file import learn_to_file
from inst.image import Picture
from inst.inversion.prepare import learning_identity, model_defaults
from inst.inversion.settings import InversionSettings, resolve
from inst.inversion.token import StyleToken, load_token
from inst.names import safe_name
from inst.pipelines.session import Session
from inst.training.signals import stop_on_signals


def learn_once(
    session: Session, picture: Picture, folder: Path, settings: InversionSettings | None = None
) -> StyleToken:
    """The style of a painting: as it was learned before, or learned now and kept in the folder."""
    settings = settings or InversionSettings()
    path = kept_path(session, picture, settings, folder)
    if path.is_file():
        return load_token(path)
    with stop_on_signals() as stop:
        learned = learn_to_file(session, picture, settings, path, stop=stop)
        if learned.stopped:
            path.unlink(missing_ok=True)  # the name promises a style that was learned to the end
            raise KeyboardInterrupt
    say(f"learned {path} in {learned.seconds:.0f} s ({learned.last.step} steps)")
    return learned.token


def kept_path(session: Session, picture: Picture, settings: InversionSettings, folder: Path) -> Path:
    """Where a painting's style is kept: named after the painting and a hash of everything it is learned from."""
    identity = learning_identity(resolve(settings, model_defaults(session.model)), session.model, picture)
    return folder / f"{safe_name(picture.path.stem)}-{identity[:10]}.safetensors"

"""Paintings given as ``--style``: learned once, then kept by their content and the settings."""

from __future__ import annotations

from pathlib import Path

from accelerate import Accelerator

from inst.commands.common.progress import say
from inst.commands.diffusion.learn import LearnOptions, kept_path, kept_style, learn
from inst.image import Picture
from inst.inversion.settings import InversionSettings
from inst.inversion.token import StyleToken
from inst.pipelines.session import Session
from inst.training.shared import stopping


def learn_once(
    session: Session, picture: Picture, folder: Path, settings: InversionSettings | None = None
) -> StyleToken:
    """The style of a painting: as it was learned before, or learned now and kept in the folder."""
    settings = settings or InversionSettings()
    kept = kept_style(session, picture, settings, folder)
    if kept is not None:
        return kept
    path = kept_path(session, picture, settings, folder)
    accelerator = Accelerator(cpu=session.placement.device.type == "cpu")
    with stopping() as stop:
        learned = learn(session, picture, settings, path, accelerator=accelerator, stop=stop, options=LearnOptions())
        if learned.stopped:
            path.unlink(missing_ok=True)  # half learned is not what the name promises
            raise KeyboardInterrupt
    say(f"learned {path} in {learned.seconds:.0f} s ({learned.steps} steps)")
    return learned.token

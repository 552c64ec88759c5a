"""The commands by their names: where command line, YAML files and tests meet. Each returns an exit code."""

from __future__ import annotations

from inst.runs.demo import demo
from inst.runs.export import export
from inst.runs.from_image import from_image
from inst.runs.generate import generate_pictures
from inst.runs.info import info, models
from inst.runs.settings import GenerateRun, StylizeRun
from inst.runs.stylize import stylize_photos
from inst.runs.train import train

__all__ = ["demo", "export", "generate", "info", "models", "stylize", "train"]


def stylize(run: StylizeRun) -> int:
    """``inst stylize``."""
    return stylize_photos(from_image(run))


def generate(run: GenerateRun) -> int:
    """``inst generate``."""
    return generate_pictures(from_image(run))

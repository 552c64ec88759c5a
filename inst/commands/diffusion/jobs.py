"""The commands by their names: where command line, YAML files and tests meet. Each returns an exit code."""

from __future__ import annotations

from inst.commands.diffusion.demo import demo
from inst.commands.diffusion.export import export
from inst.commands.diffusion.from_image import from_image
from inst.commands.diffusion.generate import generate_pictures
from inst.commands.diffusion.options import GenerateRun, StylizeRun
from inst.commands.diffusion.stylize import stylize_photos
from inst.commands.diffusion.train import train
from inst.commands.info import info, models

__all__ = ["demo", "export", "generate", "info", "models", "stylize", "train"]


def stylize(run: StylizeRun) -> int:
    """``inst stylize``."""
    return stylize_photos(from_image(run))


def generate(run: GenerateRun) -> int:
    """``inst generate``."""
    return generate_pictures(from_image(run))

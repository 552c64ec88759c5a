"""Generators in files: the layouts that others share them in, and ours. Nothing in a file is ever run."""

from inst.gan.checkpoints.read import load_generator, read_generator
from inst.gan.checkpoints.write import save_generator

__all__ = ["load_generator", "read_generator", "save_generator"]

"""Reading and writing generator checkpoints: the published layouts and our own. No code in a file is ever executed."""

from inst.gan.checkpoints.read import load_generator, read_generator
from inst.gan.checkpoints.write import save_generator

__all__ = ["load_generator", "read_generator", "save_generator"]

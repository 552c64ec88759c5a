"""The GAN side's commands by their names: where command line, YAML files and tests meet."""

from inst.runs.edit import edit_faces as edit
from inst.runs.invert import align_photos as align
from inst.runs.invert import invert_photos as invert

__all__ = ["align", "edit", "invert"]

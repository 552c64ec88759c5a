"""The GAN side's commands by their names: where command line, YAML files and tests meet."""

from inst.runs.directions import prepare_directions as directions_prepare
from inst.runs.edit import edit_faces as edit
from inst.runs.invert import align_photos as align
from inst.runs.invert import invert_photos as invert
from inst.runs.train_editor import train_a_mapper as mapper_train
from inst.runs.train_editor import train_an_ffclip as ffclip_train

__all__ = ["align", "directions_prepare", "edit", "ffclip_train", "invert", "mapper_train"]

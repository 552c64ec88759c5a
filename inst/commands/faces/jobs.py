"""The GAN side's commands by their names: where command line, YAML files and tests meet."""

from inst.commands.faces.directions import prepare_directions as directions_prepare
from inst.commands.faces.edit import edit_faces as edit
from inst.commands.faces.invert import align_photos as align
from inst.commands.faces.invert import invert_photos as invert
from inst.commands.faces.train_ffclip import train_ffclip as ffclip_train
from inst.commands.faces.train_mapper import train_mapper as mapper_train

__all__ = ["align", "directions_prepare", "edit", "ffclip_train", "invert", "mapper_train"]

"""The face commands by their names, for the command line. Each returns an exit code."""

from inst.commands.faces.align import align
from inst.commands.faces.directions import prepare_directions as directions_prepare
from inst.commands.faces.edit import edit
from inst.commands.faces.invert import invert
from inst.commands.faces.train_editor import train_a_mapper as mapper_train
from inst.commands.faces.train_editor import train_an_ffclip as ffclip_train

__all__ = ["align", "directions_prepare", "edit", "ffclip_train", "invert", "mapper_train"]

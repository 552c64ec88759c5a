"""Reading pickles as data: nothing in them is imported or called. ``files.read_pickle`` uses this package."""

from inst.files.pickles.containers import read_object
from inst.files.pickles.modules import module_state_dict
from inst.files.pickles.stubs import Inert, InertName, PickleError

__all__ = ["Inert", "InertName", "PickleError", "module_state_dict", "read_object"]

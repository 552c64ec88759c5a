"""Reading and writing files: detecting formats by content, reading without executing anything, writing atomically.

No other module opens a pickle. Every problem with a file or a disk is raised as an InputError with a one-line message.
"""

from inst.files.arrays import array_of, read_array
from inst.files.kinds import Kind, sniff
from inst.files.lock import locked
from inst.files.pickles import Inert, InertName, module_state_dict
from inst.files.plain import read_json, sha256, sha256_bytes, write_json
from inst.files.state import load_parameters, parameters_of, read_checkpoint
from inst.files.tensors import read_pickle, read_safetensors, write_safetensors
from inst.files.write import replacing

__all__ = [
    "Inert",
    "InertName",
    "Kind",
    "array_of",
    "load_parameters",
    "locked",
    "module_state_dict",
    "parameters_of",
    "read_array",
    "read_checkpoint",
    "read_json",
    "read_pickle",
    "read_safetensors",
    "replacing",
    "sha256",
    "sha256_bytes",
    "sniff",
    "write_json",
    "write_safetensors",
]

"""The settings that a picture was made with, stored in the picture: A1111's ``parameters`` text for other tools, JSON
for making the picture again.

No local path goes into either form.
"""

from inst.commands.common.record.a1111 import a1111_parameters, parse_a1111
from inst.commands.common.record.json_form import from_json, to_json
from inst.commands.common.record.paths import without_paths
from inst.commands.common.record.record import Record

__all__ = ["Record", "a1111_parameters", "from_json", "parse_a1111", "to_json", "without_paths"]

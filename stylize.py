"""Give a learned style to photos or prompts: ``python stylize.py --content photo.jpg`` (see ``--help``)."""

import sys

from inst.cli.main import stylize_or_generate

if __name__ == "__main__":
    sys.exit(stylize_or_generate())

"""Give a learned style to photos or prompts: ``python stylize.py --content photo.jpg`` (see ``--help``)."""

import sys

from inst.cli import main

if __name__ == "__main__":
    command = "generate" if any(arg.split("=")[0] == "--prompt" for arg in sys.argv[1:]) else "stylize"
    if any(arg.split("=")[0] in {"--content", "--from-image"} for arg in sys.argv[1:]):
        command = "stylize"
    sys.exit(main([command, *sys.argv[1:]]))

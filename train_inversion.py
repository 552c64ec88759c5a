"""Learn the style of a painting: ``accelerate launch train_inversion.py --style painting.jpg`` (see ``--help``)."""

import sys

from inst.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))

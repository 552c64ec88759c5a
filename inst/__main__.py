"""``python -m inst``: the same as the command ``inst``."""

import sys

from inst.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

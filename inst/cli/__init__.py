"""The command line: words to resolved settings to one call of a command."""

from inst.cli.main import main

__all__ = ["main"]

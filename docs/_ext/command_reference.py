"""The command reference, written from the parsers themselves when the site is built.

A page that holds the line ``% commands`` gets a section for each command in its place, with every option as a
directive ``option``, so that other pages can refer to it.
"""

import argparse
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

from inst.cli.main import COMMANDS, command_parser

MARK = "% commands"


def reference() -> str:
    """Every command in Markdown."""
    return "\n".join(line for command in COMMANDS for line in _section(command))


def _section(command: str) -> Iterator[str]:
    parser = command_parser(command)
    yield f"## inst {command}\n"
    yield f"{_sentence(parser.description or COMMANDS[command][1])}\n"
    yield f"```{{program}} inst {command}\n```\n"
    yield f"```text\n{_usage(parser, command)}\n```\n"
    for action in parser._actions:
        if action.help is not argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
            yield from _option(action)


def _usage(parser: argparse.ArgumentParser, command: str) -> str:
    words = [_metavar(action) for action in parser._actions if not action.option_strings]
    return " ".join(["inst", command, *(f"[{word} …]" for word in words), "[options]"])


def _option(action: argparse.Action) -> Iterator[str]:
    """A directive ``option``; one for each spelling of a flag, ``--x`` and ``--no-x``."""
    names = action.option_strings or [_metavar(action)]
    takes_value = bool(action.option_strings) and action.nargs != 0
    value = f" {_metavar(action)}" if takes_value else ""
    text = (action.help or "").replace("%%", "%")
    yield f":::{{option}} {', '.join(f'{name}{value}' for name in names)}\n{_sentence(text)}\n:::\n"


def _metavar(action: argparse.Action) -> str:
    name = action.metavar or action.dest
    return name if isinstance(name, str) else " ".join(name)


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ")")) else ".")


def _write(app: Sphinx, docname: str, source: list[str]) -> None:
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, reference())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", _write)
    return {"parallel_read_safe": True}

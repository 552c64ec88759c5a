"""Options, documented from their declarations when the site is built.

A page that holds the line ``% commands`` gets a section for each command in its place, written from its parser, with
every option as a directive ``option`` that other pages can refer to. The settings classes of the API get a line for
each of their fields.
"""

import argparse
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from inst.cli.commands import COMMANDS
from inst.cli.parser import command_parser, positional_field

MARK = "% commands"


def reference() -> str:
    """Every command in Markdown."""
    return "\n".join(line for command in COMMANDS for line in _section(command))


def _section(command: str) -> Iterator[str]:
    parser = command_parser(command)
    fields = {field.name: field.metadata for field in dataclasses.fields(COMMANDS[command].options)}
    yield f"## inst {command}\n"
    yield f"{parser.description}\n"
    yield f"```{{program}} inst {command}\n```\n"
    yield f"```text\n{_usage(command)}\n```\n"
    for action in parser._actions:
        if action.help is not argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
            yield _option(action, fields.get(action.dest, {}))


def _usage(command: str) -> str:
    field = positional_field(COMMANDS[command].options)
    several = field is not None and isinstance(field.default, tuple)
    files = [] if field is None else [f"{field.name.upper()}{' …' if several else ''}"]
    return " ".join(["inst", command, *files, "[options]"])


def _option(action: argparse.Action, metadata: Mapping[str, Any]) -> str:
    """A directive ``option`` with all spellings of the flag, ``--x`` and ``--no-x``."""
    value = f" {_value(action)}" if action.nargs != 0 else ""
    names = [f"{flag}{value}" for flag in action.option_strings] or [_value(action)]
    text = (action.help or "").replace("%%", "%")
    return f":::{{option}} {', '.join(names)}\n{text}{_range(metadata)}\n:::\n"


def _range(metadata: Mapping[str, Any]) -> str:
    low, high = metadata.get("low"), metadata.get("high")
    if low is None and high is None:
        return ""
    first, last = (f"{end:,}".removesuffix(".0") for end in (low, high or 0))
    return f"; {first} or more" if high is None else f"; from {first} to {last}"


def _value(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "|".join(map(str, action.choices))
    return "FILE" if action.type is Path else action.dest


def _write(app: Sphinx, docname: str, source: list[str]) -> None:
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, reference())


def _fields(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Add the fields of a settings class to its docstring."""
    if what == "class" and dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            if help_text := field.metadata.get("help"):
                lines.append(f":param {field.name}: {help_text}{_range(field.metadata)}")
        lines.append("")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", _write)
    app.connect("autodoc-process-docstring", _fields)
    return {"parallel_read_safe": True}

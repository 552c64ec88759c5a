"""The command line: words to resolved options to one call of a command.

An :class:`InstError` becomes one line and exit code 2. Exit codes: 0 done, 1 a bug of ours, 2 the user's input,
130 Ctrl-C, 143 SIGTERM.
"""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Sequence

from inst.cli.commands import COMMANDS
from inst.cli.config import build, read_yaml
from inst.cli.parser import command_parser, is_assignment, parse, top_parser, with_dashes
from inst.errors import ConfigError, InstError, InstWarning
from inst.options import did_you_mean


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        argv: the words after ``inst``; those of the process unless given.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _print_any_letter()
    try:
        return _run(arguments)
    except InstError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0


def stylize_or_generate(argv: Sequence[str] | None = None) -> int:
    """The script ``stylize.py``: photos are stylized; a prompt without a photo makes a picture from text."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        command = choose_command(arguments)
    except InstError:  # the command itself reports it
        command = "stylize"
    return main([command, *arguments])


def choose_command(arguments: Sequence[str]) -> str:
    """``stylize`` or ``generate``, by what is given as flags, as ``key=value`` words and in the YAML file.

    Raises:
        InstError: arguments that cannot be parsed.
    """
    schemas = COMMANDS["stylize"].options, COMMANDS["generate"].options
    parser = command_parser("stylize", *schemas)
    given, _ = parser.parse_known_args(with_dashes(list(arguments)))
    names = {key for key, value in vars(given).items() if value is not None and key not in {"config", "words"}}
    names |= {word.partition("=")[0].replace("-", "_") for word in given.words if "=" in word}
    names |= set(read_yaml(given.config)) if given.config else set()
    photos = any(not is_assignment(word, parser_names(schemas)) for word in given.words)
    if photos or names & {"content", "from_image"}:
        return "stylize"
    return "generate" if "prompt" in names else "stylize"


def parser_names(schemas: Sequence[type]) -> set[str]:
    """The option names of several schemas."""
    import dataclasses

    return {field.name for schema in schemas for field in dataclasses.fields(schema)}


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        top_parser().print_help()
        return 0
    if arguments[0] in {"-V", "--version"}:
        from importlib.metadata import version

        print(f"inst {version('inst')}")
        return 0
    name, rest = _command(arguments)
    if name not in COMMANDS:
        raise ConfigError(f"the command {name} is not known{did_you_mean(name, COMMANDS)}: {' | '.join(COMMANDS)}")
    command = COMMANDS[name]
    file, words, flags = parse(name, rest)
    options = build(command.options, file, words, flags, from_image=command.from_image)
    _quiet()
    return command.run(options)


def _command(arguments: list[str]) -> tuple[str, list[str]]:
    """The command, of one word or two, and the words that follow it."""
    first, *rest = arguments
    inner = [name.split()[1] for name in COMMANDS if name.startswith(f"{first} ")]
    if not inner:
        return first, rest
    if rest and rest[0] in inner:
        return f"{first} {rest[0]}", rest[1:]
    if rest and rest[0] in {"-h", "--help"}:
        return f"{first} {inner[0]}", rest
    raise ConfigError(f"inst {first} needs another word: inst {first} {' | '.join(inner)}")


def _print_any_letter() -> None:
    """A console that lacks a letter shows a substitute for it: printing never ends a run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _quiet() -> None:
    """Silence the libraries' own messages, and show warnings as single lines."""
    from inst.commands.common.progress import warn

    logging.captureWarnings(False)
    warnings.showwarning = lambda message, *_, **__: warn(" ".join(str(message).split()))
    warnings.simplefilter("always", InstWarning)
    for category in (FutureWarning, DeprecationWarning):
        warnings.simplefilter("ignore", category)
    for name in ("diffusers", "transformers", "torch", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())

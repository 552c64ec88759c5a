"""argparse parsers made from options dataclasses: a flag for each field, and words for what is positional."""

from __future__ import annotations

import argparse
import dataclasses
import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inst.cli.commands import COMMANDS
from inst.errors import ConfigError
from inst.files.names import is_file, is_folder
from inst.options import did_you_mean

MIXED_PRECISION = {"no": "float32", "fp16": "float16", "bf16": "bfloat16"}
_LETTERS = {"output": "-o"}


class Parser(argparse.ArgumentParser):
    """argparse with our errors: one line, exit code 2."""

    def error(self, message: str) -> typing.NoReturn:
        raise ConfigError(f"{message[0].lower()}{message[1:]} ({self.prog} --help lists all options)")


def top_parser() -> argparse.ArgumentParser:
    """The parser of ``inst`` itself, which only shows help."""
    commands = "\n".join(f"  {name:20}{command.summary}" for name, command in COMMANDS.items())
    return Parser(
        prog="inst",
        usage="inst COMMAND [options]",
        description="Learn the style of one painting and give it to any photo or prompt; edit faces by text.",
        epilog=f"commands:\n{commands}\n\ninst COMMAND --help shows a command's options; inst --version the version.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def command_parser(command: str, *schemas: type) -> argparse.ArgumentParser:
    """A parser with a flag for each field of the schemas; a field that several have is taken from the first."""
    schemas = schemas or (COMMANDS[command].options,)
    parser = Parser(prog=f"inst {command}", description=(schemas[0].__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--config", type=Path, help="YAML file with any of these options (see configs/)")
    files = positional_field(schemas[0])
    parser.add_argument(
        "words",
        nargs="*",
        metavar=f"{files.name.upper()}|key=value" if files else "key=value",
        help=f"{files.metadata['help'] if files else 'any option'}; or any option in the YAML file's spelling"
        if files
        else "any option in the YAML file's spelling",
    )
    seen: set[str] = set()
    for schema in schemas:
        hints = typing.get_type_hints(schema)
        for field in dataclasses.fields(schema):
            if field.name not in seen:
                _add_flag(parser, field, hints[field.name])
                seen.add(field.name)
    if command == "train":
        parser.add_argument("--mixed-precision", choices=tuple(MIXED_PRECISION), help="the same as --dtype")
        parser.add_argument("--resume-from-checkpoint", metavar="latest", help="the same as --resume")
    return parser


def positional_field(schema: type) -> dataclasses.Field[Any] | None:
    """The field that words without a flag go to."""
    return next((field for field in dataclasses.fields(schema) if field.metadata.get("positional")), None)


def parse(command: str, arguments: list[str]) -> tuple[Path | None, list[str], dict[str, Any]]:
    """A command's arguments.

    Returns:
        The YAML file, ``key=value`` words, and the flags and positional words by option name.

    Raises:
        ConfigError: an unknown option, with "did you mean".
    """
    schema = COMMANDS[command].options
    parser = command_parser(command)
    given, extra = parser.parse_known_args(with_dashes(arguments))
    if unknown := [word for word in extra if word.startswith("-")]:
        options = [option for action in parser._actions for option in action.option_strings]
        name = unknown[0].split("=")[0]
        raise ConfigError(
            f"the option {name} is not known{did_you_mean(name, options)}: inst {command} --help lists all"
        )
    values = {key: value for key, value in vars(given).items() if key not in {"config", "words"} and value is not None}
    words = [*given.words, *extra]
    names = {field.name for field in dataclasses.fields(schema)}
    for key in names:  # a greedy --style a.jpg strength=0.5 took a word that was meant as an option
        if isinstance(values.get(key), list):
            taken = [word for word in values[key] if is_assignment(word, names)]
            words += taken
            values[key] = tuple(word for word in values[key] if word not in taken)
    words = _take_positional(schema, words, values)
    _translate_diffusers_flags(values)
    return given.config, words, values


def is_assignment(word: str, names: typing.Collection[str]) -> bool:
    """Whether a word is ``key=value`` for one of the option names."""
    return "=" in word and word.partition("=")[0].replace("-", "_") in names


def _take_positional(schema: type, words: list[str], values: dict[str, Any]) -> list[str]:
    """Move the positional words to their field; returns the others."""
    field = positional_field(schema)
    if field is None:
        return words
    names = {one.name for one in dataclasses.fields(schema)} | {
        one.metadata["flag"] for one in dataclasses.fields(schema) if one.metadata.get("flag")
    }
    several = isinstance(field.default, tuple)
    mine = [
        word
        for word in words
        if "=" not in word or is_file(word) or is_folder(word) or not _looks_assigned(word, names)
    ]
    if mine and several:
        values[field.name] = (*values.get(field.name, ()), *mine)
    elif mine:
        if len(mine) > 1 or field.name in values:
            raise ConfigError(f"{mine[-1]!r} is one {field.name} too many: give one, in quotes if it has spaces")
        values[field.name] = mine[0]
    return [word for word in words if word not in mine]


def _looks_assigned(word: str, names: typing.Collection[str]) -> bool:
    """Whether a word is meant as an option: its key is one word before ``=``, such as a (possibly mistyped) name."""
    return is_assignment(word, names) or ("=" in word and word.partition("=")[0].replace("-", "_").isidentifier())


def _translate_diffusers_flags(values: dict[str, Any]) -> None:
    """Flags known from diffusers' training scripts."""
    precision = values.pop("mixed_precision", None)
    if precision is not None:
        values.setdefault("dtype", MIXED_PRECISION[precision])
    resume = values.pop("resume_from_checkpoint", None)
    if resume is not None:
        if resume != "latest":
            raise ConfigError(f"resume-from-checkpoint={resume} is not accepted: give latest (a style has one state)")
        values["resume"] = True


def with_dashes(arguments: list[str]) -> list[str]:
    """``--num_steps`` and ``--num-steps`` are the same flag."""
    return [
        "--" + word[2:].partition("=")[0].replace("_", "-") + word[2:][len(word[2:].partition("=")[0]) :]
        if word.startswith("--")
        else word
        for word in arguments
    ]


def _add_flag(parser: argparse.ArgumentParser, field: dataclasses.Field[Any], hint: Any) -> None:
    flags = ["--" + field.name.replace("_", "-")]
    if field.metadata.get("flag"):
        flags.insert(0, "--" + field.metadata["flag"])
    if field.name in _LETTERS:
        flags.insert(0, _LETTERS[field.name])
    help_text = field.metadata.get("help", "").replace("%", "%%") + _default_text(field)
    kind = next((part for part in (typing.get_args(hint) or (hint,)) if part is not type(None)), str)
    if hint is bool:
        parser.add_argument(
            *flags, dest=field.name, action=argparse.BooleanOptionalAction, default=None, help=help_text
        )
    elif typing.get_origin(hint) is tuple:
        parser.add_argument(*flags, dest=field.name, nargs="+", action="extend", metavar="…", help=help_text)
    else:
        convert = _number(kind) if kind in (int, float) else str
        choices = field.metadata.get("choices")
        metavar = "|".join(choices) if choices else (kind.__name__ if kind in (int, float) else "str")
        parser.add_argument(*flags, dest=field.name, type=convert, metavar=metavar, help=help_text)


def _number(kind: type) -> Callable[[str], int | float]:
    """A converter whose error says how the number is written here."""

    def convert(word: str) -> int | float:
        try:
            return kind(word)
        except ValueError:
            hint = ""
            if match := re.fullmatch(r"\s*([\d.]+)\s*%\s*", word):
                hint = f": give {float(match[1]) / 100:g}"
            elif re.fullmatch(r"\d+,\d+", word):
                hint = f": give {word.replace(',', '.')}"
            raise argparse.ArgumentTypeError(f"invalid {kind.__name__} value: {word!r}{hint}") from None

    return convert


def _default_text(field: dataclasses.Field[Any]) -> str:
    if field.default in (None, "", ()) or isinstance(field.default, bool):
        return ""
    return f" (default: {field.default})"

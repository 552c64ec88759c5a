"""The commands. An :class:`InstError` becomes one line and exit code 2.

Exit codes: 0 done, 1 a bug of ours, 2 the user's input, 130 Ctrl-C, 143 SIGTERM.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
import typing
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inst.cli.config import build
from inst.commands.diffusion.options import ExportRun, GenerateRun, StylizeRun, TrainRun
from inst.commands.faces.options import AlignRun, DirectionsRun, EditRun, FfclipRun, InvertRun, MapperRun
from inst.errors import ConfigError, InstError, InstWarning
from inst.options import did_you_mean

COMMANDS: dict[str, tuple[type | None, str]] = {
    "train": (TrainRun, "learn the style of a painting"),
    "stylize": (StylizeRun, "give a style to photos"),
    "generate": (GenerateRun, "make pictures from a prompt with [C] in it"),
    "edit": (EditRun, "edit faces by text"),
    "invert": (InvertRun, "find the codes of faces, to edit them later"),
    "align": (AlignRun, "cut faces out of photos as face models want them"),
    "directions prepare": (DirectionsRun, "measure a generator's channels, for edit --method directions"),
    "mapper train": (MapperRun, "teach a mapper one text, for edit --method mapper"),
    "ffclip train": (FfclipRun, "teach FFCLIP a list of texts, for edit --method ffclip"),
    "export": (ExportRun, "write a style for other tools"),
    "info": (None, "show what a style file or picture holds"),
    "models": (None, "list the models: what each needs, and whether it is here"),
    "demo": (None, "learn a painting, stylize a photo, write them side by side"),
}
GAN_COMMANDS = {"edit", "invert", "align", "directions prepare", "mapper train", "ffclip train"}
MIXED_PRECISION = {"no": "float32", "fp16": "float16", "bf16": "bfloat16"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code comes back."""
    arguments = list(sys.argv[1:] if argv is None else argv)
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


def _run(arguments: list[str]) -> int:
    parser = _top_parser()
    if not arguments or arguments[0] in {"-h", "--help"}:
        parser.print_help()
        return 0
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"inst {version('inst')}")
        return 0
    command, rest = _command(arguments)
    if command not in COMMANDS:
        raise ConfigError(
            f"the command {command} is not known{did_you_mean(command, COMMANDS)}: {' | '.join(COMMANDS)}"
        )
    schema = COMMANDS[command][0]
    if schema is None:
        return _plain_command(command, rest)
    settings = _settings(command, schema, rest)
    _quiet()
    return _job(command)(settings)


def _command(arguments: list[str]) -> tuple[str, list[str]]:
    """The command, of one word or two, and what follows it."""
    first, *rest = arguments
    inner = [name.split()[1] for name in COMMANDS if name.startswith(f"{first} ")]
    if not inner:
        return first, rest
    if rest and rest[0] in inner:
        return f"{first} {rest[0]}", rest[1:]
    if rest and rest[0] in {"-h", "--help"}:
        return f"{first} {inner[0]}", rest
    raise ConfigError(f"inst {first} needs a word more: inst {first} {' | '.join(inner)}")


def _job(command: str) -> Any:
    """The function behind a command; imported here, since torch costs seconds that ``--help`` must not pay."""
    if command in GAN_COMMANDS:
        from inst.commands.faces import jobs as gan_job

        return getattr(gan_job, command.replace(" ", "_"))
    from inst.commands.diffusion import jobs as job

    return getattr(job, command)


def _quiet() -> None:
    """Silence the libraries' own messages, and show warnings as single lines."""
    from inst.commands.common.progress import warn

    logging.captureWarnings(False)
    warnings.showwarning = lambda message, *_: warn(str(message))
    warnings.simplefilter("always", InstWarning)
    for category in (FutureWarning, DeprecationWarning):
        warnings.simplefilter("ignore", category)
    for name in ("diffusers", "transformers", "torch", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _settings(command: str, schema: type, arguments: list[str]) -> Any:
    parser = _parser(command, schema)
    given, extra = parser.parse_known_args(_dashed(arguments))
    if unknown := [word for word in extra if word.startswith("-")]:
        options = [option for action in parser._actions for option in action.option_strings]
        name = unknown[0].split("=")[0]
        raise ConfigError(
            f"the option {name} is not known{did_you_mean(name, options)}: inst {command} --help lists all"
        )
    values = {key: value for key, value in vars(given).items() if key not in {"config", "words"} and value is not None}
    words = [*given.words, *extra]
    names = {field.name for field in dataclasses.fields(schema)}
    for key in names:  # a greedy --style a.jpg strength=0.5 took the word that was meant for the schema
        if isinstance(values.get(key), list):
            taken = [w for w in values[key] if w.partition("=")[0].replace("-", "_") in names and "=" in w]
            words += taken
            values[key] = tuple(w for w in values[key] if w not in taken)
    for field in dataclasses.fields(schema):
        if field.metadata.get("positional"):
            files = tuple(word for word in words if "=" not in word or Path(word).exists())
            words = [word for word in words if word not in files]
            if files:
                values[field.name] = (*values.get(field.name, ()), *files)
    _known_elsewhere(values)
    return build(schema, given.config, words, values)


def _known_elsewhere(values: dict[str, Any]) -> None:
    """Flags that people's hands know from diffusers' training scripts."""
    precision = values.pop("mixed_precision", None)
    if precision is not None:
        values.setdefault("dtype", MIXED_PRECISION[precision])
    resume = values.pop("resume_from_checkpoint", None)
    if resume is not None:
        if resume != "latest":
            raise ConfigError(f"resume-from-checkpoint={resume} is not accepted: give latest (a style has one state)")
        values["resume"] = True


def _dashed(arguments: list[str]) -> list[str]:
    """``--num_steps`` and ``--num-steps`` are the same flag."""
    return [
        "--" + word[2:].partition("=")[0].replace("_", "-") + word[2:][len(word[2:].partition("=")[0]) :]
        if word.startswith("--")
        else word
        for word in arguments
    ]


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: one line, exit code 2."""

    def error(self, message: str) -> typing.NoReturn:
        raise ConfigError(f"{message[0].lower()}{message[1:]} ({self.prog} --help lists all options)")


def _top_parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:20}{text}" for name, (_, text) in COMMANDS.items())
    return _Parser(
        prog="inst",
        usage="inst COMMAND [options]",
        description="Learn the style of one painting and give it to any photo or prompt; edit faces by text.",
        epilog=f"commands:\n{commands}\n\ninst COMMAND --help shows a command's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _parser(command: str, schema: type) -> argparse.ArgumentParser:
    """A parser with a flag for each field of the schema."""
    parser = _Parser(prog=f"inst {command}", description=(schema.__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--config", type=Path, help="YAML file with any of these options (see configs/)")
    files = any(field.metadata.get("positional") for field in dataclasses.fields(schema))
    parser.add_argument(
        "words",
        nargs="*",
        metavar="FILE|key=value" if files else "key=value",
        help="photos, or any option in the YAML file's spelling" if files else "any option in the YAML file's spelling",
    )
    hints = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        _add_flag(parser, field, hints[field.name])
    if command == "train":
        parser.add_argument("--mixed-precision", choices=tuple(MIXED_PRECISION), help="the same as --dtype")
        parser.add_argument("--resume-from-checkpoint", metavar="latest", help="the same as --resume")
    return parser


def _add_flag(parser: argparse.ArgumentParser, field: dataclasses.Field[Any], hint: Any) -> None:
    flags = ["--" + field.name.replace("_", "-")]
    if field.metadata.get("flag"):
        flags.insert(0, "--" + field.metadata["flag"])
    help_text = field.metadata.get("help", "").replace("%", "%%") + _default_text(field)
    kind = next((part for part in (typing.get_args(hint) or (hint,)) if part is not type(None)), str)
    if hint is bool:
        parser.add_argument(
            *flags, dest=field.name, action=argparse.BooleanOptionalAction, default=None, help=help_text
        )
    elif typing.get_origin(hint) is tuple:
        parser.add_argument(*flags, dest=field.name, nargs="+", action="extend", metavar="…", help=help_text)
    else:
        convert = kind if kind in (int, float) else str
        choices = field.metadata.get("choices")
        metavar = "|".join(choices) if choices else convert.__name__
        parser.add_argument(*flags, dest=field.name, type=convert, metavar=metavar, help=help_text)


def _default_text(field: dataclasses.Field[Any]) -> str:
    if field.default in (None, "", ()) or isinstance(field.default, bool):
        return ""
    return f" (default: {field.default})"


def command_parser(command: str) -> argparse.ArgumentParser:
    """The parser of one of `COMMANDS`; the documentation's command reference is written from it."""
    schema = COMMANDS[command][0]
    return _plain_parser(command) if schema is None else _parser(command, schema)


def _plain_parser(command: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"inst {command}", description=COMMANDS[command][1])
    if command == "info":
        parser.add_argument("file", type=Path, help="style token, textual-inversion file, or picture made by inst")
    if command == "demo":
        parser.add_argument("--output", type=Path, default=Path("outputs/demo.png"))
        parser.add_argument("--style", type=Path, help="painting (default: one from style_images/)")
        parser.add_argument("--content", type=Path, help="photo (default: one that scikit-image ships)")
    return parser


def _plain_command(command: str, arguments: list[str]) -> int:
    given = _plain_parser(command).parse_args(arguments)
    _quiet()
    return _job(command)(**vars(given))


if __name__ == "__main__":
    sys.exit(main())

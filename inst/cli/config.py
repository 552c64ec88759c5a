"""YAML files and ``key=value`` words to settings: the only user of OmegaConf."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from inst.cli.commands import resolve
from inst.errors import ConfigError, InputError
from inst.options import canonical_names

Run = TypeVar("Run")
MAX_YAML_BYTES, MAX_YAML_DEPTH, MAX_VALUE_LETTERS = 1_000_000, 2, 100


def build(
    schema: type[Run],
    file: Path | None,
    words: Iterable[str],
    flags: Mapping[str, Any],
    *,
    from_image: str | None = None,
) -> Run:
    """The options of a run: the defaults, then the settings of a picture, the YAML file, ``key=value`` words, flags.

    Each layer is applied over the one before, so that whatever was given wins, also where it equals a default.

    Args:
        from_image: ``module:function`` that reads the settings of the picture that the option ``from_image`` names.

    Raises:
        InputError: the file is missing or not YAML, or the picture carries no settings.
        ConfigError: an unknown key (with "did you mean"), a value of the wrong type, or one out of range.
    """
    layers = [
        canonical_names(schema, layer)
        for layer in (read_yaml(file) if file else {}, parse_words(schema, words), dict(flags))
    ]
    given = {key: value for layer in layers for key, value in layer.items()}
    known = {field.name for field in dataclasses.fields(schema)}  # pyright: ignore[reportArgumentType]
    if from_image is not None and given.get("from_image") is not None:
        made = resolve(from_image)(Path(given["from_image"]), given)
        layers.insert(0, {key: value for key, value in made.items() if key in known})
    if not any(layers[:-1]):  # nothing needs OmegaConf's schema: flags come typed from argparse
        return schema(**layers[-1])
    return _merge(schema, layers)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping."""
    import yaml

    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise InputError(f"--config {path} has more than {MAX_YAML_BYTES} bytes: give lines of key: value")
        text = path.read_text(encoding="utf-8")
        _check_plain(path, text)
        data = yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"--config {path} cannot be read ({error.strerror}): give a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"--config {path} is not YAML ({str(error).splitlines()[0]})") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError(f"--config {path} holds a {type(data).__name__}: give lines of key: value")
    return {str(key).replace("-", "_"): value for key, value in data.items()}


def _read_value(word: str, value: str) -> Any:
    """A number, a switch or a word; nothing that YAML could make of it beyond that.

    Raises:
        ConfigError: it is none of these.
    """
    import yaml

    try:
        data = yaml.safe_load(value) if len(value) <= MAX_VALUE_LETTERS else None
    except (yaml.YAMLError, ValueError, RecursionError):
        data = None
    if data is None and value.strip().lower() not in ("null", "none", "~", ""):
        raise ConfigError(f"{word[:60]!r} is not understood: give key=value, such as strength=0.6")
    if isinstance(data, list | dict):
        raise ConfigError(f"{word[:60]!r} is not understood: give one value, such as strength=0.6")
    return data


def _check_plain(path: Path, text: str) -> None:
    """Refuse what options never need and what can expand without bound: aliases, and nested lists or mappings.

    Raises:
        InputError: naming what was found.
    """
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"--config {path} uses YAML anchors (& or *): write each value where it belongs")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_YAML_DEPTH:
            raise InputError(f"--config {path} nests values: give lines of key: value, where a value may be a list")


def parse_words(schema: type, words: Iterable[str]) -> dict[str, Any]:
    """``key=value`` words to a mapping.

    OmegaConf's own dotlist reads every value as YAML, where ``prompt=[C] lighthouse`` is an error and
    ``prompt=a cat: in [C]`` a mapping; here only fields that are not text are read so.
    """

    values: dict[str, Any] = {}
    hints = typing.get_type_hints(schema)
    fields = dataclasses.fields(schema)
    hints |= {field.metadata["flag"]: hints[field.name] for field in fields if field.metadata.get("flag")}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.strip().lstrip("-").replace("-", "_")
        if not equals:
            raise ConfigError(f"{word!r} is not understood: give key=value, such as strength=0.6")
        if key in hints and _is_text(hints[key]):
            values[key] = value
        elif key in hints and _is_texts(hints[key]):
            values[key] = [part for part in value.split(",") if part]
        else:
            values[key] = _read_value(word, value)
    return values


def _merge(schema: type[Run], layers: Iterable[Mapping[str, Any]]) -> Run:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), *(OmegaConf.create(_literal(layer)) for layer in layers))
        settings = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or getattr(error, "key", None)
        first = str(error).splitlines()[0]
        raise ConfigError(f"the option {key} is not accepted: {first}" if key else first) from None
    return typing.cast(Run, settings)


def _literal(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Text as it stands, in lists too: ``${`` is no interpolation, and no environment variable is read."""
    return {key: _escaped(value) for key, value in layer.items()}


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "\\${")
    return [_escaped(one) for one in value] if isinstance(value, list | tuple) else value


def _is_text(hint: Any) -> bool:
    return any(part is str or part is Path for part in _members(hint))


def _is_texts(hint: Any) -> bool:
    return typing.get_origin(hint) is tuple


def _members(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return (str,)
    return (hint,)

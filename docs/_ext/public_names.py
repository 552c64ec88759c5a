"""A public name without a place in the API reference, or without a docstring, fails the build."""

import inspect
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import inst

_LOG = logging.getLogger(__name__)


def _missing(documented: set[str]) -> Iterator[str]:
    for name in inst.__all__:
        thing = getattr(inst, name)
        if inspect.ismodule(thing):
            continue
        if f"inst.{name}" not in documented:
            yield f"inst.{name} is public and not in the API reference"
        if callable(thing) and not inspect.getdoc(thing):
            yield f"inst.{name} has no docstring"
        if inspect.isclass(thing):
            yield from _undocumented_members(thing)


def _undocumented_members(thing: type) -> Iterator[str]:
    for name, member in vars(thing).items():
        is_member = inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)
        if is_member and not name.startswith("_") and not inspect.getdoc(getattr(thing, name)):
            yield f"inst.{thing.__name__}.{name} has no docstring"


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    for message in _missing(set(env.get_domain("py").objects)):  # type: ignore[attr-defined]
        _LOG.warning(message)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("env-check-consistency", _check)
    return {"parallel_read_safe": True}

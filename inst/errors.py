"""Every error that is the user's to mend. The command line prints the sentence and exits with 2.

InstError
├── InputError          a file is missing, empty, broken, too large, or not what it claims to be
├── ConfigError         an option is unknown, out of range, or has no effect
├── ModelError          a model source is unknown, unreachable, incomplete, or of the wrong kind
├── TokenError          a style token does not fit this model, or a placeholder and its words do not match
└── MissingExtraError   an optional package is needed: which ``pip install`` brings it

The sentence says what was given, what is accepted, and what to do. Anything else that is raised is a bug of ours and
keeps its traceback.

What the user should know, and can go on with, is an :class:`InstWarning`. The library only ever issues it through
:mod:`warnings`; the command line shows it as one line beginning with ``warning:``.
"""

from __future__ import annotations


class InstError(Exception):
    """Base of the errors a user can mend; the message is one line."""


class InstWarning(UserWarning):
    """Something the user should know that does not stop the work; the message is one line."""


class InputError(InstError):
    """A file or picture that cannot be used, or a place that cannot be written to."""


class ConfigError(InstError):
    """An option that is unknown, out of range or contradictory."""


class ModelError(InstError):
    """A model that cannot be found, read or recognised."""


class TokenError(InstError):
    """A style token that does not fit, or a prompt whose placeholder has no style."""


class MissingExtraError(InstError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs the package {package}: pip install "inst[{extra}]"')

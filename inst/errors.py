"""Exceptions for problems that the user can fix. The command line prints the message and exits with code 2.

InstError
├── InputError          a file is missing, empty, damaged, too large, or not of the expected format
├── ConfigError         an option is unknown, out of range, or has no effect
├── ModelError          a model cannot be found or downloaded, is incomplete, or is of the wrong kind
├── TokenError          a style token does not fit this model, or a prompt's placeholders do not match its styles
└── MissingExtraError   an optional package is not installed; the message gives the ``pip install`` command

The message says what was given, what is accepted, and what to do. Any other exception is a bug in this package and
keeps its traceback.

Problems that do not stop the work are reported as :class:`InstWarning`, always through :mod:`warnings`; the command
line shows each as one line that begins with ``warning:``.

>>> import inst.errors
>>> try:
...     raise inst.errors.ConfigError("strength=2 is out of range: give 0 to 1")
... except inst.errors.InstError as error:
...     print(error)
strength=2 is out of range: give 0 to 1
"""

from __future__ import annotations


class InstError(Exception):
    """Base class of the errors that a user can fix. The message is one line.

    >>> import inst
    >>> try:
    ...     inst.stylize("none.jpg", "night")
    ... except inst.InstError as error:
    ...     print(type(error).__name__)
    InputError
    """


class InstWarning(UserWarning):
    """A problem that does not stop the work. The message is one line.

    >>> import inst, warnings
    >>> warnings.simplefilter("ignore", inst.InstWarning)  # for a program that shows no warnings
    """


class InputError(InstError):
    """A file or image cannot be read or used, or a path cannot be written to.

    >>> import inst
    >>> try:
    ...     inst.load_style("starry")
    ... except inst.InputError as error:
    ...     print(type(error).__name__)
    InputError
    """


class ConfigError(InstError):
    """An option is unknown, out of range, or contradicts another one.

    >>> import inst
    >>> try:
    ...     inst.StylizeSettings(strength=2.0)
    ... except inst.ConfigError as error:
    ...     print(type(error).__name__)
    ConfigError
    """


class ModelError(InstError):
    """A model cannot be found, read or recognised.

    >>> import inst
    >>> try:
    ...     inst.load_model("sd16")
    ... except inst.ModelError as error:
    ...     print(type(error).__name__)
    ModelError
    """


class TokenError(InstError):
    """A style token does not fit the model, or a placeholder in a prompt has no style.

    >>> import inst
    >>> try:
    ...     inst.generate("a house", "night")
    ... except inst.TokenError as error:
    ...     print(type(error).__name__)
    TokenError
    """


class MissingExtraError(InstError):
    """An optional package is not installed.

    Args:
        package: the package that is missing.
        extra: the extra of this package that installs it.
        purpose: what needs it; the subject of the message.

    >>> print(MissingExtraError("av", "video", "writing a video"))
    writing a video needs the package av: pip install "inst[video]"
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs the package {package}: pip install "inst[{extra}]"')

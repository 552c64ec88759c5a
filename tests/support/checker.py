"""The runtime type checker for signatures in tests; an int is accepted as a float, as in PEP 484.

Public functions and settings validate their arguments themselves and raise an error with a sentence for the caller.
They are excluded here, so that tests can pass invalid arguments.
"""

from beartype import BeartypeConf, beartype

CHECK_THEMSELVES = ("inst.pipelines.", "inst.image.inputs", "inst.inversion.token")
_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


def typechecker(function):
    """beartype, but for what checks its own arguments."""
    module = getattr(function, "__module__", "")
    if module.startswith(CHECK_THEMSELVES) or module.endswith(".settings"):
        return function
    return _checked(function)

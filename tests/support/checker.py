"""The runtime check of signatures while tests run: an int is a float, as PEP 484 has it.

The public functions and settings check their arguments themselves, with a sentence for the caller. They are left out
here, so that tests can pass wrong ones.
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

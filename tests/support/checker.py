"""The runtime type checker for signatures in tests; an int is accepted as a float, as in PEP 484."""

from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))

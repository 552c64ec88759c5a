"""The parameters of a pickled ``torch.nn.Module``, without the module."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from torch import Tensor

from inst.files.pickles.stubs import Inert, PickleError, described

_MAX_DEPTH = 64
_MAX_MODULES = 100_000


def module_state_dict(
    module: Inert, members: Callable[[Inert], object] = lambda module: module.state
) -> dict[str, Tensor]:
    """Parameters and buffers by dotted name, as ``module.state_dict()`` would give them had the module been made.

    Args:
        module: an object of ``read_pickle`` that stands for a module.
        members: its ``__dict__``, for writers that keep it elsewhere than in the object's state.

    Raises:
        PickleError: it is no module, or it contains itself.
    """
    return dict(_named_tensors(module, members, "", 0, itertools.count()))


def _named_tensors(
    module: Inert, members: Callable[[Inert], object], prefix: str, depth: int, visits: Iterator[int]
) -> Iterator[tuple[str, Tensor]]:
    if depth > _MAX_DEPTH:
        raise PickleError("a module in it contains itself")
    # Of modules, not of tensors: 64 levels that each name the next one twice have 2^64 paths and no tensor.
    if next(visits) >= _MAX_MODULES:
        raise PickleError("a module in it has no end")
    own = members(module)
    if not isinstance(own, Mapping) or "_parameters" not in own:
        raise PickleError(f"{described(module)} in it is no torch module")
    for kind in ("_parameters", "_buffers"):
        yield from ((f"{prefix}{k}", v) for k, v in _items(own.get(kind)) if isinstance(v, Tensor))
    for name, child in _items(own.get("_modules")):
        if isinstance(child, Inert):
            yield from _named_tensors(child, members, f"{prefix}{name}.", depth + 1, visits)


def _items(mapping: object) -> list[tuple[str, object]]:
    return [(k, v) for k, v in mapping.items() if isinstance(k, str)] if isinstance(mapping, Mapping) else []
